"""Commands run within the test's process: a program start costs seconds on a busy machine, and there are many."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from unittest.mock import patch

import pytest

from adapters.easymaker.cli.main import main


def run_here(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the program would print, and its exit code, with this environment and no other."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", ["kubeflow-easymaker", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    code = ended.value.code
    return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
