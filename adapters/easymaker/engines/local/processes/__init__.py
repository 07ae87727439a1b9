"""Local processes that survive the adapter: each runs at most once per name, whoever crashes when.

A small wrapper (wrapper/) runs every job and writes down how it ended; the runner only reads and asks. What is in the
directory of a process is described in runner.py.
"""

from adapters.easymaker.engines.local.processes.machine import enforcement
from adapters.easymaker.engines.local.processes.runner import ProcessRunner
from adapters.easymaker.engines.local.processes.sandbox import Sandbox
from adapters.easymaker.engines.local.processes.spec import Limits, ProcessSpec
from adapters.easymaker.engines.local.processes.state import Phase, ProcessState

__all__ = ["Limits", "Phase", "ProcessRunner", "ProcessSpec", "ProcessState", "Sandbox", "enforcement"]
