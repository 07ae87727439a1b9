"""``python -P -m adapters.easymaker.engines.local.pipeline_run RUN.json``: begins one run of a pipeline, or goes on.

Ends with 0 when the run is over, however it went: the state file says that. SIGTERM stops the run.
"""

import json
import logging
import signal
import sys
from pathlib import Path

from adapters.easymaker.engines.local.pipeline_run.interface import IN_USE
from adapters.easymaker.engines.local.pipeline_run.plan import RunPlan
from adapters.easymaker.engines.local.pipeline_run.program import Run
from adapters.easymaker.engines.local.pipeline_run.stop_request import StopRequest
from adapters.easymaker.engines.local.tuning.journal import JournalInUse


def main(arguments: list[str]) -> int:
    stop = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.ask)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    (path,) = arguments
    plan = RunPlan.from_json(json.loads(Path(path).read_bytes()))
    logging.getLogger("adapters").setLevel(logging.INFO)
    try:
        Run(plan, stop).run()
    except JournalInUse:
        sys.stderr.write("another process has this run\n")
        return IN_USE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
