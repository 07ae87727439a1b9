"""What goes wrong outside an algorithm: each knows nothing of gRPC's codes, which server side and callers add."""


class BadAddress(ValueError):
    """Not an address that anything could listen on."""
