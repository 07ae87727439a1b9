"""What a command says in one line instead of a traceback: something that its caller can put right."""


class UsageError(Exception):
    """The message names what was given and what is wrong with it."""
