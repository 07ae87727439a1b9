"""``python -m kserve_runtimes.storage URI DIRECTORY [URI DIRECTORY …]``: KServe's storage container for ``obs://``.

The last line on stderr is one sentence that says what went wrong; exit_codes.py lists the exit codes.
"""

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from kserve_runtimes.storage import StorageError, StorageOptions, download
from kserve_runtimes.storage.errors import InvalidStorageUri, StorageDenied, StorageNotFound, StorageUnavailable
from kserve_runtimes.storage.exit_codes import ExitCode
from kserve_runtimes.storage.secret_variables import move_to_files

USAGE = "usage: python -m kserve_runtimes.storage URI DIRECTORY [URI DIRECTORY ...]"
CODES: dict[type[StorageError], ExitCode] = {
    InvalidStorageUri: ExitCode.INVALID,
    StorageNotFound: ExitCode.NOT_FOUND,
    StorageDenied: ExitCode.DENIED,
    StorageUnavailable: ExitCode.UNAVAILABLE,
}
READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
SEARCHABLE = READABLE | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def main(arguments: Sequence[str]) -> ExitCode:
    if not arguments or len(arguments) % 2:
        return _end(ExitCode.USAGE, USAGE)
    move_to_files(os.environ)
    options = StorageOptions.from_env()
    for uri, directory in zip(arguments[::2], arguments[1::2], strict=True):
        try:
            done = download(uri, Path(directory), options)
            _make_readable(Path(directory))
        except StorageError as error:
            return _end(_code(error), str(error))
        except OSError as error:
            return _end(ExitCode.LOCAL, f"{directory} cannot be written to: {error.strerror or error}.")
        sys.stdout.write(f"{uri}: {done.files} files, {done.bytes} bytes\n")
    return ExitCode.DONE


def _code(error: StorageError) -> ExitCode:
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), ExitCode.UNAVAILABLE)


def _make_readable(directory: Path) -> None:
    """The model server may run as another user; downloaded files are private at first."""
    for parent, _, names in os.walk(directory):
        for path in (Path(parent), *(Path(parent) / name for name in names)):
            status = path.lstat()
            if status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode):
                wanted = SEARCHABLE if stat.S_ISDIR(status.st_mode) else READABLE
                path.chmod(stat.S_IMODE(status.st_mode) | wanted)


def _end(code: ExitCode, sentence: str) -> ExitCode:
    sys.stderr.write(f"{sentence}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
