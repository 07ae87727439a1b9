"""From an artifact to storage."""

from pathlib import Path

from kfp_components.easymaker.easymaker_api.storage_access import storage_options
from kserve_runtimes.storage import transfer
from kserve_runtimes.storage.errors import StorageNotFound
from kserve_runtimes.storage.transfer import TransferSummary


class UploadIncomplete(Exception):
    """Some of it cannot be in storage; the text names what."""


def upload_from(source: Path, uri: str) -> TransferSummary:
    """Raises StorageError; an empty artifact is one, too. Raises UploadIncomplete when a file had to be left out."""
    with storage_options() as options:
        summary = transfer.upload(source, uri, options)
    if summary.skipped:
        names = ", ".join(summary.skipped[:10])
        raise UploadIncomplete(f"{len(summary.skipped)} file(s) cannot be uploaded (a link that leads out?): {names}")
    if summary.files == 0:
        raise StorageNotFound(f"{source.name} is empty: nothing was uploaded to {uri}.")
    print(f"uploaded {summary.files} file(s), {summary.bytes} bytes", flush=True)  # noqa: T201 - a step's log
    return summary
