"""Every error of the storage package; each message is one sentence that names the URI.

They are also the built-in errors that users of fsspec expect (``except FileNotFoundError`` works).
"""


class StorageError(Exception):
    """Base of all errors raised on purpose; none of them ever holds a token."""


class InvalidStorageUri(StorageError, ValueError):
    """The URI, or the name of an object, is malformed or not allowed."""


class StorageNotFound(StorageError, FileNotFoundError):
    """No such container, object or directory."""


class StorageExists(StorageError, FileExistsError):
    """Something is there already, and the caller asked to create it."""


class StorageDenied(StorageError, PermissionError):
    """The credentials do not reach there, or the address may not be connected to."""


class StorageUnavailable(StorageError, OSError):
    """The storage did not answer, or not properly; trying again later can help."""
