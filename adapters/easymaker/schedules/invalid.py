"""The one error of schedules: its text is fit to be shown to whoever wrote the expression."""


class InvalidCron(ValueError):
    """Says which part is wrong, what was given and what would be right."""


def shown(text: str, limit: int = 40) -> str:
    """What was given, quoted, with control characters escaped and never longer than a line."""
    return repr(text if len(text) <= limit else text[:limit] + "…")
