"""``python -P -m adapters.easymaker.engines.local.tuning SPEC.json``: the controller of one tuning."""

import json
import signal
import sys
import threading
from pathlib import Path

from adapters.easymaker.engines.local.tuning.controller import Controller
from adapters.easymaker.engines.local.tuning.journal import JournalInUse
from adapters.easymaker.engines.local.tuning.plan import Plan

# Not the tuning's end, only this process's.
INTERRUPTED = 75


def main(arguments: list[str]) -> int:
    (path,) = arguments
    plan = Plan.from_json(json.loads(Path(path).read_bytes()))
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    try:
        return 0 if Controller(plan, asked_to_end).run() else INTERRUPTED
    except JournalInUse:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
