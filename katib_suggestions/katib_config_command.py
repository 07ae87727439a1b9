"""`python -m katib_suggestions katib-config`: a filter from Katib's configuration to the one with our services.

kubectl -n kubeflow get configmap katib-config -o yaml |
  python -m katib_suggestions katib-config | kubectl replace -f -
"""

import argparse
import sys
from pathlib import Path

from katib_suggestions.katib_config import names, registered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", default="-", help="a ConfigMap or a KatibConfig; by default what is piped in"
    )
    parser.add_argument("--registry", default="", help="where our images are pulled from, as registry.example.com/team")
    parser.add_argument(
        "--algorithms",
        type=lambda text: [each.strip() for each in text.split(",")],
        metavar="NAME,NAME",
        help=f"take over these alone, of {', '.join(names())}",
    )


def run(options: argparse.Namespace) -> int:
    text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
    sys.stdout.write(registered(text, registry=options.registry, algorithms=options.algorithms))
    return 0
