"""The step of these tests' pipeline: it does what the files in its control directory say, as job.py."""

# ruff: noqa: PTH110, PTH118, PTH123 - a component's source is all that it has


def work(control: str) -> None:
    import json
    import os
    import signal
    import sys
    import time

    def file(name: str) -> str:
        return os.path.join(control, name)

    if os.path.exists(file("stubborn")):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("first words", flush=True)
    with open(file("begun"), "a") as begun:
        begun.write("once\n")
    while not os.path.exists(file("order.json")):
        time.sleep(0.02)
    with open(file("order.json")) as found:
        order = json.load(found)
    print(order["words"], flush=True)
    sys.exit(order["exit_code"])
