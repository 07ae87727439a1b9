# pyright: standard
"""Regular expressions that find metrics in logs: RE2's, as Katib's are, so that none takes more than linear time."""

import re2

# Katib's own: lines such as "accuracy=0.93 loss = 1e-3".
DEFAULT = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"


def problems(regex: str) -> list[str]:
    """What is wrong with it: its syntax, or that it has no groups for a name and a value."""
    options = re2.Options()
    options.log_errors = False
    try:
        groups = re2.compile(regex, options).groups
    except re2.error as error:
        told = error.args[0] if error.args else "it cannot be compiled"
        return [f"{told.decode('utf-8', 'replace') if isinstance(told, bytes) else told} (RE2 syntax)"]
    finally:
        # Whatever callers send would stay in memory, up to 128 of them with 8 MiB each.
        re2.purge()
    if groups < 2:
        return [f"needs two groups in parentheses, a metric's name and its value; it has {groups}"]
    return []
