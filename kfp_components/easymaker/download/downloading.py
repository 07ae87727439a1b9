"""From storage into an artifact."""

from pathlib import Path

from kfp_components.easymaker.easymaker_api.storage_access import storage_options
from kserve_runtimes.storage import transfer
from kserve_runtimes.storage.errors import StorageNotFound
from kserve_runtimes.storage.transfer import TransferSummary


def download_into(uri: str, directory: Path) -> TransferSummary:
    """Raises StorageError; nothing at the URI is one, too."""
    with storage_options() as options:
        summary = transfer.download(uri, directory, options)
    if summary.files == 0:
        raise StorageNotFound(f"{uri}: there is no file.")
    print(f"downloaded {summary.files} file(s), {summary.bytes} bytes", flush=True)  # noqa: T201 - a step's log
    return summary
