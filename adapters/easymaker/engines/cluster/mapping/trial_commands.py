"""The command of a trial's container, in a form that survives what Katib does to it; and the way values get into it.

Katib fills a trial's values into the template as a text, and its webhook joins the command of the pod's container to
one line of a shell, with a mark for its collector behind it. So it is a shell's line to begin with, and nothing in it
may mean anything to a shell, to JSON, or to Kubernetes' own ``$(NAME)``: values are percent-encoded.
"""

from collections.abc import Sequence
from urllib.parse import quote, unquote

# The kubelet asks the shell to end, which has to ask the launcher; the launcher is the only child it ever has, as
# Katib's early stopping wants it. A wait that the signal has cut short is begun again.
FORWARDING = (
    'run() { "$@" & pid=$!; '
    "trap 'asked=1; kill -TERM $pid' TERM; "
    'while asked=; wait $pid; code=$?; [ -n "$asked" ]; do :; done; '
    "return $code; }; run "
)
# Mean nothing to any of those, and keep the usual values readable.
_PLAIN = "/,:@+"


def shell_command(words: Sequence[str]) -> list[str]:
    """Command and argument. Each word is one of the shell's already."""
    return ["sh", "-c", FORWARDING + " ".join(words)]


def encoded(text: str) -> str:
    """As the launcher's ``--hyperparameter`` takes names and values."""
    return quote(text, safe=_PLAIN).replace("~", "%7E")


def decoded(text: str) -> str:
    return unquote(text)
