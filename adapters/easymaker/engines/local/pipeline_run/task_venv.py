"""A Python environment of one attempt's own over the one that all tasks share: what a step installs is in it alone.

It is a few links and files, made in less than a millisecond; pip takes what the shared one has as installed.
"""

from pathlib import Path

_PIP = '#!/bin/sh\nexec python3 -m pip "$@"\n'


def make(python: Path, folder: Path) -> Path | None:
    """The ``bin`` folder of an environment in ``folder``; None where ``python`` is of no environment itself."""
    base = python.parents[1]
    settings = base / "pyvenv.cfg"
    shared = next(base.glob("lib/python*/site-packages"), None)
    if shared is None or not settings.exists():
        return None
    packages, programs = folder / shared.relative_to(base), folder / "bin"
    packages.mkdir(mode=0o700, parents=True)
    programs.mkdir(mode=0o700)
    (folder / "pyvenv.cfg").write_bytes(settings.read_bytes())
    # Lines of a .pth file that begin so are run; a mere path would leave out the .pth files in it.
    (packages / "shared.pth").write_text(f"import site; site.addsitedir({str(shared)!r})\n")
    for name in ("python", "python3"):
        (programs / name).symlink_to(python.resolve())
    for name in ("pip", "pip3"):
        (programs / name).write_text(_PIP)
        (programs / name).chmod(0o700)
    return programs
