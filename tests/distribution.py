"""Which tests go to which worker of pytest-xdist, and when: a run should end on all of them at the same time.

Tests that share what takes long to make go to one worker: together they need one API server, one installation. The
longest of these groups come first, then files with slow tests, so that only short ones are left for the end.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# By directory, the group. Each costs seconds to minutes of a core to set up, once per worker that has tests of it.
GROUPS = {
    "tests/cluster/": "API server",
    "tests/conformance/": "API server",
    "tests/kubernetes/": "API server",
    "tests/adapters/easymaker/engines/cluster/": "API server",
    "tests/katib_suggestions/rpc/test_trial_status.py": "API server",
    "tests/failure/": "installation to be killed",
    "tests/adapters/easymaker/api/": "trained model",
}
FIRST = ("API server", "installation to be killed", "trained model")


def group_of(nodeid: str) -> str:
    """What is one unit of work: one of GROUPS, or a file."""
    file = nodeid.partition("::")[0]
    return next((group for start, group in GROUPS.items() if file.startswith(start)), file)


class Grouped(LoadFileScheduling):
    """As --dist loadfile, with several files to a unit where GROUPS says so."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped | None:
    """Only in place of the default: who asks for another distribution gets it."""
    if config.getvalue("dist") != "loadfile":
        return None
    # Else the files with most tests, which are the quick ones, would come first.
    config.option.loadscopereorder = False
    return Grouped(config, log)


def long_ones_first(items: list[pytest.Item]) -> None:
    slow = {group_of(item.nodeid) for item in items if item.get_closest_marker("slow")}
    order = {group: number for number, group in enumerate(FIRST)}

    def place(item: pytest.Item) -> int:
        group = group_of(item.nodeid)
        return order.get(group, len(order) if group in slow else len(order) + 1)

    items.sort(key=place)
