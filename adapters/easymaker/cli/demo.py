"""`demo`: the official SDK, unmodified and in an environment of its own, lives a whole life cycle here.

What it does there is demo_files/life_cycle.py, a script that knows nothing of this package; here its steps are shown.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from adapters.easymaker import catalogue
from adapters.easymaker.cli import identity, output, up
from adapters.easymaker.cli.demo_screen import Screen, Step
from adapters.easymaker.cli.demo_tidying import tidy
from adapters.easymaker.cli.down import bring_down
from adapters.easymaker.cli.environment import CLEARED, sdk_variables
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import PROGRAM, CliError, Format
from adapters.easymaker.cli.supervision import stop_signals
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.errors import EasyMakerError

FILES = Path(__file__).with_name("demo_files")
SCRIPT = FILES / "life_cycle.py"
TRAINING_SCRIPT = "train_iris.py"
SDK = "easymaker==2.1.5"
IMAGE = "Ubuntu 22.04 CPU Python Training"
NOT_NEEDED = ("tensorboardX",)
START_SECONDS = 600.0
SCRIPT_SECONDS = 1800.0
END_SECONDS = 5.0
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class StepFailed(Exception):
    """The step is on the screen already; nothing more can be done."""


@dataclass
class Demo:
    installation: Installation
    screen: Screen
    keep: bool
    name: str = field(default_factory=lambda: f"demo-{secrets.token_hex(3)}")
    steps: list[Step] = field(default_factory=list)
    complete: bool = False

    def run(self) -> bool:
        """Whether every step succeeded. Ends what it started and deletes what it made, whatever happens."""
        was_up = identity.is_held(self.installation.supervisor_lock)
        began = time.monotonic()
        try:
            with _signals_interrupt():
                self._act("Start the platform", lambda: self._start(was_up))
                python = self._act("Install the SDK", self._install)
                self._life(python)
                self.complete = all(step.good for step in self.steps)
        except StepFailed:
            pass
        finally:
            if not self.keep:
                self._end(was_up)
            self.screen.summary(self.steps, time.monotonic() - began)
        return all(step.good for step in self.steps)

    def _act(self, title: str, work: "Callable[[], tuple[Any, str]]") -> Any:
        """Do one step of our own; its result."""
        self.screen.begin(title)
        began = time.monotonic()
        try:
            result, detail = work()
        except EasyMakerError as error:
            self._ended(Step(title, False, time.monotonic() - began, str(error)))
            raise StepFailed from error
        except BaseException:
            self._ended(Step(title, False, time.monotonic() - began, "interrupted"))
            raise
        self._ended(Step(title, True, time.monotonic() - began, detail))
        return result

    def _ended(self, step: Step) -> None:
        self.steps.append(step)
        self.screen.end(step)

    def _start(self, was_up: bool) -> tuple[None, str]:
        up.detached(self.installation, Format.JSON, START_SECONDS)
        return None, f"{self.installation.api_url}{', was up already' if was_up else ''}"

    def _install(self) -> tuple[Path, str]:
        spec = environment_spec(catalogue.load(self.installation.settings.catalogue))
        environments = Environments(self.installation.settings.cache_dir)
        ready = environments.python(spec)
        if ready is not None:
            return ready, f"{SDK} from PyPI, installed before"
        return environments.ensure(spec, self.screen.progress), f"{SDK} from PyPI"

    def _life(self, python: Path) -> None:
        """Run the script and show its steps."""
        root = self.installation.root / "demo"
        root.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as work:
            source = Path(work) / "source"
            source.mkdir()
            shutil.copy(FILES / TRAINING_SCRIPT, source)
            environment = script_environment(self.installation, os.environ)
            argv = [str(python), str(SCRIPT), work, self.name]
            with self.installation.demo_log.open("wb") as log, _running(argv, environment, log) as script:
                self._show(script.lines)
            if script.code != 0 and all(step.good for step in self.steps):
                self._ended(Step("The script", False, 0.0, f"ended with exit code {script.code}"))
                raise StepFailed

    def _show(self, lines: Iterator[str]) -> None:
        current, began = "", time.monotonic()
        why = "interrupted"
        try:
            for line in lines:
                told = _step_line(line)
                if told is None:
                    self.screen.progress(line)
                elif told["state"] == "started":
                    current, began = told["step"], time.monotonic()
                    self.screen.begin(current)
                else:
                    current = ""
                    self._ended(Step(told["step"], told["state"] == "done", told["seconds"], told["detail"]))
            why = "its process ended early, or took too long"
        finally:
            if current:
                self._ended(Step(current, False, time.monotonic() - began, why))

    def _end(self, was_up: bool) -> None:
        """Signals that come while we do so change nothing: the end is under way."""
        with contextlib.suppress(StepFailed), stop_signals():
            # Where the platform did not start, nothing was made, and nobody could be asked to delete it.
            if not self.complete and any(step.good for step in self.steps):
                tidy(self.installation, self.name)
            if not was_up:
                self._act(
                    "Take everything down", lambda: (None, f"{len(bring_down(self.installation, _silent))} ended")
                )


def demo(installation: Installation, form: Format, keep: bool) -> int:
    """The exit code: 0 only if every step succeeded."""
    screen = Screen(quiet=form is Format.JSON)
    run = Demo(installation, screen, keep)
    good = run.run()
    failed = next((step for step in run.steps if not step.good), None)
    if form is Format.JSON:
        output.print_json({"ok": good, "steps": [step.as_json() for step in run.steps]})
    if failed is not None:
        raise CliError(f'the demo failed at "{failed.title}": {failed.detail} (log: {installation.demo_log})')
    output.hint(form, f'{PROGRAM} up, then eval "$({PROGRAM} env)" and your own script; this one is {SCRIPT}')
    return 0


def environment_spec(entries: catalogue.Catalogue) -> EnvironmentSpec:
    """The SDK with the libraries of the training image, so that a downloaded model loads.

    Raises:
        CliError: the catalogue lacks the image.
    """
    image = entries.images_by_name.get(IMAGE)
    if image is None:
        raise CliError(f"the demo trains on image {IMAGE!r}, which the catalogue lacks")
    libraries = [line for line in image.requirements if not line.startswith(NOT_NEEDED)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return EnvironmentSpec("demo", (SDK, *libraries), python=version)


def script_environment(installation: Installation, environ: Mapping[str, str]) -> dict[str, str]:
    """What a user's shell has after `env`, less what would point the SDK elsewhere or Python to other modules."""
    leave_out = (*CLEARED, "VIRTUAL_ENV")
    kept = {name: value for name, value in environ.items() if name not in leave_out and not name.startswith("PYTHON")}
    return kept | sdk_variables(installation, kept) | {"PYTHONUNBUFFERED": "1"}


@dataclass
class _Script:
    lines: Iterator[str]
    code: int = 0


@contextmanager
def _running(argv: list[str], environment: dict[str, str], log: Any) -> Iterator[_Script]:
    """The script in a session of its own, ended with all it started when we leave or when it takes too long."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        cwd=argv[2],
        start_new_session=True,
    )
    assert process.stdout is not None
    too_long = threading.Timer(SCRIPT_SECONDS, _end_group, [process])
    too_long.daemon = True
    too_long.start()
    script = _Script(_copied(process.stdout, log))
    try:
        yield script
        script.code = _wait(process)
    finally:
        too_long.cancel()
        _end_group(process)


def _copied(stream: Any, log: Any) -> Iterator[str]:
    for line in stream:
        log.write(line)
        log.flush()
        yield line.decode("utf-8", "replace").rstrip()


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        _end_group(process)
        return process.wait()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _step_line(line: str) -> dict[str, Any] | None:
    """A line of the script's own; the SDK prints sentences in between."""
    if not line.startswith("{"):
        return None
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "step" in told else None


def _silent(line: str) -> None:
    """Taking down is one step of the demo and needs no lines of its own."""


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does: in order."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
