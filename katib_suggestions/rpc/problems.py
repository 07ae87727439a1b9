"""Problems of an experiment as the text of a gRPC status, which Katib shows as the reason of the failed experiment.

A status travels in HTTP/2 headers, percent-encoded, and callers refuse more than 8 KB of them: a longer text would turn
a helpful answer into a broken connection.
"""

from collections.abc import Iterable
from urllib.parse import quote

_BETWEEN = "; "
_ENCODED_BYTES = 4096


def joined_problems(problems: Iterable[str]) -> str:
    """All of them, or as many as fit and how many more there are."""
    every = [" ".join(each.split()) for each in problems]
    room = _ENCODED_BYTES
    for number, each in enumerate(every):
        room -= len(quote(each)) + len(_BETWEEN)
        if room < 0:
            shown = every[:number] or [shortened(each)]
            left = len(every) - len(shown)
            return _BETWEEN.join([*shown, f"and {left} more"] if left else shown)
    return _BETWEEN.join(every)


def shortened(text: str) -> str:
    """What fits of a text."""
    if len(quote(text)) <= _ENCODED_BYTES:
        return text
    # No character takes more than twelve bytes.
    kept = text[: _ENCODED_BYTES // 12]
    return f"{kept}…"


def split_problems(details: str) -> tuple[str, ...]:
    return tuple(details.split(_BETWEEN))
