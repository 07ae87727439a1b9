"""What is wrong with an uploaded pipeline, each thing with the place where it is."""

from collections.abc import Iterable

# A hostile document can be wrong in a million places; nobody reads more than these.
SHOWN = 20


class InvalidPipeline(ValueError):
    """The document is no pipeline that can be taken; ``problems`` says why, a line per reason."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - SHOWN
        shown = self.problems[:SHOWN] + ((f"and {more} more problems",) if more > 0 else ())
        super().__init__("; ".join(shown))
