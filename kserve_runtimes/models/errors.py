"""What a model server refuses, told apart from what is broken. Each message is one sentence for the caller."""


class ModelInputError(ValueError):
    """The request is wrong: answered with 400."""


class ModelLoadError(Exception):
    """The artifact cannot be served: the server ends and this is its last word."""
