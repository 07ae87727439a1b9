"""Every status of the guide is in its kind, and every status can be reached from the first and left again."""

import re
from pathlib import Path

import pytest

from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Kind

GUIDE = next(iter((Path(__file__).parents[5] / "shared" / "seeds").glob("000_*.txt")), None)
TITLES = {
    "experiment": "### List of Experiments",
    "training": "### Training List",
    "hyperparameter-tuning": "### Hyperparameter Tuning List",
    "model": "### Model List",
    "endpoint": "### Endpoint List",
    "endpoint-stage": "### Endpoint Stage List",
    "endpoint-model": "### Stage Resource List",
}
# The guide's table has a sentence of another table in the place of this status.
GARBLED = {"Training is properly completed.": "DELETE IN PROGRESS"}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def reachable(kind: Kind, start: str) -> set[str]:
    found, work = {start}, [start]
    while work:
        for target in kind.lifecycle.transitions.get(work.pop(), frozenset()) - found:
            found.add(target)
            work.append(target)
    return found


@every_kind
def test_every_status_is_reachable(kind: Kind) -> None:
    assert reachable(kind, kind.lifecycle.requested) == set(kind.lifecycle.statuses)


@every_kind
def test_no_status_is_a_trap(kind: Kind) -> None:
    """From everywhere the resource can get to where it may be deleted."""
    for status in kind.lifecycle.statuses:
        assert kind.lifecycle.deleting in reachable(kind, status), status


@every_kind
def test_every_status_is_described_and_nothing_else(kind: Kind) -> None:
    assert set(kind.lifecycle.descriptions) == set(kind.lifecycle.statuses)


@every_kind
def test_statuses_are_words_that_the_sdk_waits_for(kind: Kind) -> None:
    """The SDK's wait() ends at COMPLETE, ACTIVE and ENABLED, and fails at any status with FAIL or STOP in it."""
    lifecycle = kind.lifecycle
    assert (lifecycle.complete or lifecycle.up) in ("COMPLETE", "ACTIVE", "ENABLED")
    assert all("FAIL" in status for status in lifecycle.failures if status != lifecycle.up)
    good = {lifecycle.requested, lifecycle.creating, lifecycle.up, lifecycle.completing, lifecycle.complete}
    assert not any("FAIL" in status or "STOP" in status for status in good if status)


@every_kind
def test_a_deleted_resource_does_not_come_back(kind: Kind) -> None:
    after = reachable(kind, kind.lifecycle.deleting)
    assert after <= {kind.lifecycle.deleting, kind.lifecycle.delete_failed}


@every_kind
def test_transitions_name_statuses_of_the_kind(kind: Kind) -> None:
    for source, targets in kind.lifecycle.transitions.items():
        assert {source, *targets} <= set(kind.lifecycle.statuses)


@pytest.mark.skipif(GUIDE is None, reason="the console guide is not here (../shared/seeds)")
@pytest.mark.parametrize("name", TITLES)
def test_statuses_are_the_guides(name: str) -> None:
    """The first table after the chapter's list heading; DELETE_IN_PROGRESS is in every kind, in the guide in some."""
    assert GUIDE is not None
    text = GUIDE.read_text(encoding="utf-8")
    chapter = text.split(TITLES[name] + "\n", 1)[1].split("\n### ", 1)[0]
    lines = re.split(r"\n(?=[ ]*\| Status\b)", chapter)[1].splitlines()
    rows = [line.strip() for line in lines[2:]]
    table = rows[: next((i for i, row in enumerate(rows) if not row.startswith("|")), len(rows))]
    cells = [row.split("|")[1].strip() for row in table]
    told = {GARBLED.get(word, word) for cell in cells for word in (cell.split(", ") if cell not in GARBLED else [cell])}
    kind = next(kind for kind in KINDS if kind.name == name)
    codes = {word.upper().replace(" ", "_") for word in told}
    assert len(codes) > 3
    assert codes | {"DELETE_IN_PROGRESS"} == set(kind.lifecycle.statuses)
