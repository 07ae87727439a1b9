"""The cluster engine's settings seen from a command."""

from pathlib import Path

from pydantic import ValidationError

from adapters.easymaker.cli.installation import setting_problem
from adapters.easymaker.cli.output import EXIT_USAGE, CliError
from adapters.easymaker.cluster_settings import ClusterSettings


def cluster_settings(kubeconfig: Path | None = None, context: str | None = None) -> ClusterSettings:
    """Those of the environment, with what the command line says instead.

    Raises:
        CliError: one is malformed.
    """
    given = {"kubeconfig": kubeconfig, "context": context}
    try:
        return ClusterSettings(**{name: value for name, value in given.items() if value is not None})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise CliError(setting_problem(error, "EASYMAKER_CLUSTER_"), EXIT_USAGE) from error
