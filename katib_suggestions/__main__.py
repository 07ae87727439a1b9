"""`python -m katib_suggestions COMMAND`: the gRPC services, and what helps to install and to try them."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from katib_suggestions.usage import UsageError

# By name: what `--help` says, and the module with `add_arguments(parser)` and `run(options) -> exit code`, loaded only
# for its own command, since a service has little memory.
COMMANDS = {
    "early-stopping": ("serve median stopping for Katib's controller", "katib_suggestions.rpc.early_stopping_command"),
    "katib-config": ("put the services into Katib's configuration", "katib_suggestions.katib_config_command"),
    "simulate": ("run an experiment against a Python function", "katib_suggestions.simulation.command"),
    "suggestion": ("serve suggestions for Katib's controller", "katib_suggestions.rpc.suggestion_command"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    # One thread per fit, in a pod that has half a core; read when numpy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # gRPC's core writes lines of its own between ours, which are JSON; what matters of it comes as exceptions as well.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m katib_suggestions", description=__doc__, allow_abbrev=False)
    below = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, module) in COMMANDS.items():
        command = below.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        if given[:1] == [name]:
            importlib.import_module(module).add_arguments(command)
    options = parser.parse_args(given)
    try:
        return importlib.import_module(COMMANDS[options.command][1]).run(options)
    except (OSError, UsageError) as error:
        sys.stderr.write(f"katib_suggestions {options.command}: {_line(error)}\n")
        return 2


def _line(error: OSError | UsageError) -> str:
    """What is wrong, without the error number that Python puts in front of a file's name."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
