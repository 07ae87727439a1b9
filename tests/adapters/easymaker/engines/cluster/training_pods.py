"""Runs what a training's manifests say, as a kubelet would: their command, mounts and variables, in bubblewrap."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from adapters.easymaker.engines.cluster.bundles import Bundle
from adapters.easymaker.kinds.record import Json

REPOSITORY = Path(__file__).parents[5]
RUNTIMES = REPOSITORY / "manifests" / "components" / "training-runtimes"
_OWN = {"proc", "dev", "tmp", "sys", "run", "easymaker"}


class TrainingPods:
    """The pods of one training. Volumes are directories below ``root``, by the name of what they are volumes of."""

    def __init__(self, bundle: Bundle, runtime: str, root: Path) -> None:
        self.root = root
        self._job = bundle.owner["spec"]
        self._started: list[subprocess.Popen[bytes]] = []
        document = yaml.safe_load((RUNTIMES / f"{runtime}.yaml").read_text("utf-8"))
        template = document["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
        self._container: Json = template["spec"]["containers"][0]
        patch = self._job["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"][0]
        self._pod: Json = patch["template"]["spec"]["template"]["spec"]
        for manifest in bundle.dependents:
            if manifest["kind"] == "ConfigMap":
                for name, text in manifest["data"].items():
                    self.file(f"{manifest['metadata']['name']}/{name}", text)

    def file(self, path: str, text: str) -> None:
        file = self.root / "volumes" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def volume(self, name: str) -> Path:
        directory = self.root / "volumes" / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def work(self, rank: int) -> Path:
        return self.volume(f"work-of-{rank}")

    def start(self, rank: int, hosts: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """The pod of this rank; ``hosts`` are the names that JobSet's service would resolve, to loopback addresses."""
        command = [*self._job["trainer"]["command"], *self._job["trainer"]["args"]]
        variables = {each["name"]: each["value"] for each in self._container["env"]}
        variables |= {"JOB_COMPLETION_INDEX": str(rank), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        etc_hosts = self.root / f"hosts-{rank}"
        etc_hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{ip} {name}\n" for name, ip in (hosts or {}).items()))
        argv = [
            *("bwrap", "--unshare-pid", "--as-pid-1", "--die-with-parent", "--clearenv"),
            *_machine(),
            *("--ro-bind", str(etc_hosts), "/etc/hosts"),
            *self._mounts(rank),
            *(word for name, value in variables.items() for word in ("--setenv", name, value)),
            *(_expanded(word, variables) for word in command),
        ]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=(self.root / f"stdout-{rank}").open("wb"),
            stderr=(self.root / f"stderr-{rank}").open("wb"),
        )
        self._started.append(process)
        return process

    def wait(self, process: "subprocess.Popen[bytes]") -> int:
        return process.wait(timeout=120)

    def terminate(self, rank: int) -> None:
        """As the kubelet does: SIGTERM to the container's first process, which is bubblewrap's only child."""
        bubblewrap = self._started[rank].pid
        child = Path(f"/proc/{bubblewrap}/task/{bubblewrap}/children").read_text().split()
        os.kill(int(child[0]), signal.SIGTERM)

    def output(self, rank: int) -> str:
        return (self.root / f"stdout-{rank}").read_text(errors="replace")

    def errors(self, rank: int) -> str:
        return (self.root / f"stderr-{rank}").read_text(errors="replace")

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _mounts(self, rank: int) -> list[str]:
        places = {volume["name"]: self._place(volume, rank) for volume in self._pod["volumes"]}
        words: list[str] = []
        for mount in self._pod["containers"][0]["volumeMounts"]:
            place = places[mount["name"]] / mount.get("subPath", "")
            place.mkdir(parents=True, exist_ok=True)
            words += ["--ro-bind" if mount.get("readOnly") else "--bind", str(place), mount["mountPath"]]
        return words

    def _place(self, volume: Json, rank: int) -> Path:
        if "configMap" in volume:
            return self.volume(volume["configMap"]["name"])
        if "persistentVolumeClaim" in volume:
            return self.volume(volume["persistentVolumeClaim"]["claimName"])
        return self.work(rank)


def _machine() -> list[str]:
    """This machine's programs, read-only; a /tmp of its own."""
    words = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for entry in sorted(Path("/").iterdir()):
        if entry.name in _OWN:
            continue
        if entry.is_symlink():
            words += ["--symlink", str(entry.readlink()), str(entry)]
        else:
            words += ["--ro-bind", str(entry), str(entry)]
    # Should the checkout or its Python lie below /tmp.
    for place in (REPOSITORY, Path(sys.prefix), Path(sys.base_prefix)):
        words += ["--ro-bind", str(place), str(place)]
    return words


def _expanded(word: str, variables: Mapping[str, str]) -> str:
    """``$(NAME)`` as Kubernetes replaces it in commands; what it does not know it leaves."""
    return re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), word)
