# pyright: standard
"""A tuning's pattern for metrics as Katib's collector takes it. Pure."""

import re

import re2

from adapters.easymaker.kinds import metric_regex

# The default finds "loss=" in "loss=n/a", with nothing as its value. Katib's collector ends itself when it finds that
# while there are rules for early stopping, and the trial with it.
NUMBERS_ONLY = r"([\w|-]+)\s*=\s*([+-]?(\d+(\.\d+)?|\.\d+)([Ee][+-]?\d+)?)"
# The beginning of a line in the launcher's metrics log when it has times.
_TIME = "2026-01-01T00:00:00.000000Z "
_QUOTED = re.compile(r"\\Q.*?(?:\\E|$)|\\.|;", re.DOTALL)


def metrics_format(regex: str) -> str:
    """Katib hands all patterns over in one argument, separated by semicolons: a pattern may not have one itself."""
    if regex == metric_regex.DEFAULT:
        return NUMBERS_ONLY
    return _QUOTED.sub(_without_semicolon, regex)


def _without_semicolon(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith("\\Q"):
        return text.replace(";", r"\E\x3b\Q")
    return r"\x3b" if text in (";", r"\;") else text


def bears_times(regex: str) -> bool:
    """Whether lines may begin with a time without changing what the pattern finds in them.

    With times Katib knows when each value was logged, and keeps their order.
    """
    if "^" in regex or r"\A" in regex or r"\b" in regex.lower():
        return False
    options = re2.Options()
    options.log_errors = False
    return re2.search(regex, _TIME, options) is None
