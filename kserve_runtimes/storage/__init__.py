"""``obs://`` and ``nas://`` for whoever reads or writes users' data: fsspec file systems and transfers."""

import fsspec

from .errors import InvalidStorageUri, StorageDenied, StorageError, StorageNotFound, StorageUnavailable
from .nas import NasFileSystem
from .obs import ObsFileSystem
from .options import Identity, StorageOptions
from .transfer import Entry, TransferSummary, download, listing, upload
from .uri import NasUri, ObsUri, OtherUri, parse

__all__ = [
    "Entry",
    "Identity",
    "InvalidStorageUri",
    "NasFileSystem",
    "NasUri",
    "ObsFileSystem",
    "ObsUri",
    "OtherUri",
    "StorageDenied",
    "StorageError",
    "StorageNotFound",
    "StorageOptions",
    "StorageUnavailable",
    "TransferSummary",
    "download",
    "listing",
    "parse",
    "register",
    "upload",
]


def register() -> None:
    """Make ``fsspec.open("obs://…")`` and ``fsspec.open("nas://…")`` work in this process."""
    for implementation in (ObsFileSystem, NasFileSystem):
        fsspec.register_implementation(str(implementation.protocol), implementation, clobber=True)
