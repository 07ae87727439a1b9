"""The launcher's only door to storage. The library is imported when the first file is wanted, not before."""

from collections.abc import Mapping
from pathlib import Path

from kfp_components.easymaker.launcher.exit_codes import ExitCode, LauncherError
from kfp_components.easymaker.launcher.messages import say


class Storage:
    def __init__(self, environ: Mapping[str, str]) -> None:
        from kserve_runtimes.storage import errors, options, transfer

        self._error = errors.StorageError
        self._transfer = transfer
        self._options = options.StorageOptions.from_env(environ)

    def fetch(self, what: str, uri: str, destination: Path) -> None:
        """Bring everything under ``uri`` into ``destination``; nothing there is a failure."""
        try:
            summary = self._transfer.download(uri, destination, self._options)
        except self._error as error:
            raise LauncherError(ExitCode.INPUT, f"{what} could not be downloaded: {error}") from error
        if summary.files == 0:
            raise LauncherError(ExitCode.INPUT, f"{what} could not be downloaded: there is no file at {uri}.")
        say(f"downloaded {what}: {summary.files} file(s), {summary.bytes} bytes")

    def keep(self, what: str, source: Path, uri: str) -> None:
        """Bring everything in ``source`` to ``uri``."""
        try:
            summary = self._transfer.upload(source, uri, self._options)
        except (self._error, OSError) as error:
            raise LauncherError(ExitCode.UPLOAD, f"{what} could not be uploaded to {uri}: {error}") from error
        if summary.skipped:
            names = ", ".join(summary.skipped[:10])
            say(f"warning: {len(summary.skipped)} of {what} cannot be uploaded (a link that leads out?): {names}")
        say(f"uploaded {what} to {uri}: {summary.files} file(s), {summary.bytes} bytes")
