"""Every decision in every state that can be reached: only allowed transitions, always a next look, always an end."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Kind
from adapters.easymaker.kinds.record import Family, Goal
from adapters.easymaker.reconcile.decide import Act, waits_for
from adapters.easymaker.reconcile.look import LONGEST_BACKOFF, Look, look

State = tuple[str, Goal]
MakeFamily = Callable[..., Family]
BY_NAME = {kind.name: kind for kind in KINDS}
ALL = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])

SEEN: list[Observation | Exception] = [
    *(Observation(phase, f"seen {phase}") for phase in Phase),
    TemporaryEngineError("away"),
    PermanentEngineError("cannot be told"),
]
ACTING = (None, TemporaryEngineError("later"), PermanentEngineError("never"))


def asked_by_users(kind: Kind, state: State) -> Iterator[State]:
    """What the API can make of a resource in this state."""
    life, (status, goal) = kind.lifecycle, state
    if goal is not Goal.ABSENT:
        if status in life.stoppable and life.stopping:
            yield life.stopping, Goal.STOPPED
        if life.retry and status == life.create_failed:
            yield life.requested, Goal.PRESENT
        if life.disabled and status in (life.up, life.expired):
            yield life.disabled, Goal.STOPPED
        if status == life.disabled:
            yield life.up, Goal.PRESENT
    deletable = not life.is_job or status in life.settled
    if deletable and (goal is not Goal.ABSENT or status != life.deleting):
        yield life.deleting, Goal.ABSENT


def looks(kind: Kind, state: State, make_family: MakeFamily, scripted: type) -> Iterator[tuple[Look, str]]:
    """Whatever one look can come to, with a description of the circumstances."""
    parts = ("none", "up", "working", "failed", "both") if kind.rollup else ("none",)
    targets = ("ready", "pending", "never") if kind.links else ("ready",)
    for seen, acting, part, target, removed in itertools.product(SEEN, ACTING, parts, targets, (True, False)):
        family = make_family(kind, *state, parts=part, target=target)
        told = f"{state} saw {seen!r}, acting {acting!r}, parts {part}, target {target}, removed {removed}"
        yield look(kind, scripted(seen, acting, removed), family), told


def reachable(kind: Kind, make_family: MakeFamily, scripted: type) -> set[State]:
    """All pairs of status and goal that users and the loop together can bring about."""
    found: set[State] = set()
    new: list[State] = [(kind.lifecycle.requested, Goal.PRESENT)]
    while new:
        state = new.pop()
        if state in found:
            continue
        found.add(state)
        new.extend(asked_by_users(kind, state))
        for seen, _ in looks(kind, state, make_family, scripted):
            if seen.decision.act is not Act.FORGET:
                new.append((seen.decision.status, state[1]))
    return found


@ALL
def test_every_transition_is_allowed_and_leads_to_another_look(
    kind: Kind, make_family: MakeFamily, scripted: type
) -> None:
    """leases.apply refuses any other transition, and a resource at rest in the middle of its life is stuck."""
    life = kind.lifecycle
    checked = 0
    for state in reachable(kind, make_family, scripted):
        status, goal = state
        for wanted, _ in asked_by_users(kind, state):
            assert life.allows(status, wanted), f"{status} to {wanted} on request"
        for seen, told in looks(kind, state, make_family, scripted):
            checked += 1
            decision = seen.decision
            assert life.allows(status, decision.status), f"{told}: {status} to {decision.status}"
            if decision.act is Act.FORGET:
                assert goal is Goal.ABSENT, told
                continue
            may_rest = decision.status in life.settled and not (life.is_server and goal is Goal.PRESENT)
            assert may_rest or (decision.due_in is not None and 0 <= decision.due_in <= LONGEST_BACKOFF), told
    assert checked >= 100


@ALL
def test_statuses_that_users_see_are_those_that_can_be_reached(
    kind: Kind, make_family: MakeFamily, scripted: type
) -> None:
    """A status that nothing leads to would be documented in vain; one that is not declared has no description."""
    states = {status for status, _ in reachable(kind, make_family, scripted)}
    assert states == set(kind.lifecycle.statuses)
    assert states <= set(kind.lifecycle.descriptions)


class Cooperating:
    """An engine that does what it is asked, one phase per look."""

    def __init__(self, kind: Kind, phase: Phase) -> None:
        self._kind = kind
        self.phase = phase

    def observe(self, family: Family) -> Observation:
        seen = Observation(self.phase)
        if self.phase is Phase.PENDING:
            self.phase = Phase.RUNNING
        elif self.phase is Phase.RUNNING and self._kind.lifecycle.is_job:
            self.phase = Phase.SUCCEEDED
        return seen

    def start(self, family: Family) -> None:
        again = {Phase.STOPPED} if self._kind.lifecycle.is_schedule else set[Phase]()
        if self.phase in {Phase.MISSING, Phase.INTERRUPTED} | again:
            self.phase = Phase.PENDING

    def stop(self, family: Family) -> None:
        if self.phase in (Phase.PENDING, Phase.RUNNING) or self._kind.lifecycle.is_schedule:
            self.phase = Phase.STOPPED

    def release(self, family: Family) -> None:
        self.phase = self.phase if self.phase is not Phase.RUNNING else Phase.STOPPED

    def remove(self, family: Family) -> bool:
        self.phase = Phase.MISSING
        return True


@ALL
def test_from_every_state_an_end_is_reached_when_the_engine_cooperates(
    kind: Kind, make_family: MakeFamily, scripted: type
) -> None:
    life = kind.lifecycle
    ends = {Goal.STOPPED: life.settled, Goal.PRESENT: life.settled | {life.up} if not life.is_job else life.settled}
    for state, phase in itertools.product(reachable(kind, make_family, scripted), Phase):
        engine = Cooperating(kind, phase)
        (status, goal), steps = state, 0
        while True:
            seen = look(kind, engine, make_family(kind, status, goal, "none" if goal is Goal.ABSENT else "up"))
            if seen.decision.act is Act.FORGET:
                break
            status, steps = seen.decision.status, steps + 1
            stays = (life.up, life.expired) if life.is_schedule else (life.up,)
            if seen.decision.due_in is None or (not life.is_job and status in stays):
                break
            if not life.is_job and phase is Phase.FAILED and engine.phase is Phase.FAILED:
                # A server that the engine has given up on stays watched; it is back when the engine says so.
                engine.phase = Phase.PENDING
            assert steps < 12, f"{state} with {phase} does not end: {status} {seen.decision}"
        if goal is not Goal.ABSENT:
            assert status in ends[goal], f"{state} with {phase} ends as {status}"


def test_a_server_whose_parts_failed_recovers_with_them(make_family: MakeFamily, scripted: type) -> None:
    """A stage whose first deployment failed comes up later: it does not wait for its endpoint, which waits for it."""
    stage, endpoint = BY_NAME["endpoint-stage"], BY_NAME["endpoint"]
    failed = make_family(stage, "CREATE_FAILED", parts="up")
    owner = replace(failed.refs["endpoint"][0], status="CREATE_FAILED")
    failed = replace(failed, refs={"endpoint": (owner,)})
    seen = look(stage, scripted(Observation(Phase.PENDING)), failed).decision
    assert (seen.act, seen.status) == (Act.START, "CREATE_FAILED")
    assert look(stage, scripted(Observation(Phase.RUNNING)), failed).decision.status == "ACTIVE"
    recovered = make_family(endpoint, "CREATE_FAILED", parts="up")
    assert look(endpoint, scripted(Observation(Phase.RUNNING)), recovered).decision.status == "ACTIVE"


def test_a_failed_creation_keeps_its_reason_while_it_is_tried_again(make_family: MakeFamily, scripted: type) -> None:
    """Otherwise each attempt would write two events, for as long as the resource is there."""
    kind = BY_NAME["endpoint-model"]
    family = make_family(kind, "CREATE_FAILED")
    family = replace(family, record=replace(family.record, reason="there is no model"))
    for phase in (Phase.MISSING, Phase.PENDING):
        decision = look(kind, scripted(Observation(phase, "fetching")), family).decision
        assert (decision.status, decision.reason) == ("CREATE_FAILED", "there is no model")


def test_an_interrupted_job_is_written_down_before_it_starts_again(make_family: MakeFamily, scripted: type) -> None:
    """start() first clears the old run away; a crash after that would read as a running job that got lost."""
    kind = BY_NAME["training"]
    engine = scripted(Observation(Phase.INTERRUPTED, "interrupted"))
    first = look(kind, engine, make_family(kind, "RUNNING")).decision
    assert (first.act, first.status, first.due_in) == (Act.NONE, "CREATE_IN_PROGRESS", 0.0)
    second = look(kind, engine, make_family(kind, first.status)).decision
    assert second.act is Act.START


def test_a_stop_ends_nodes_of_a_job_that_is_only_half_started(make_family: MakeFamily, scripted: type) -> None:
    """MISSING means that one node is not there; the others may run."""
    kind = BY_NAME["training"]
    engine = scripted(Observation(Phase.MISSING))
    seen = look(kind, engine, make_family(kind, "STOP_IN_PROGRESS", Goal.STOPPED)).decision
    assert (seen.status, engine.asked) == ("STOPPED", ["release"])


@pytest.mark.parametrize("goal", [Goal.ABSENT, Goal.STOPPED])
def test_an_engine_that_cannot_tell_does_not_stand_in_the_way(
    goal: Goal, make_family: MakeFamily, scripted: type
) -> None:
    """A model whose look-up failed while it was being deleted is deleted; a training without an image is stopped."""
    kind = BY_NAME["model" if goal is Goal.ABSENT else "training"]
    status = "DELETE_IN_PROGRESS" if goal is Goal.ABSENT else "STOP_IN_PROGRESS"
    decision = look(kind, scripted(PermanentEngineError("no image")), make_family(kind, status, goal)).decision
    assert decision.act is Act.FORGET or decision.status == "STOPPED"


def test_a_stop_that_came_too_late_lets_the_job_complete(make_family: MakeFamily, scripted: type) -> None:
    kind = BY_NAME["training"]
    engine = scripted(Observation(Phase.SUCCEEDED))
    first = look(kind, engine, make_family(kind, "STOP_IN_PROGRESS", Goal.STOPPED)).decision
    assert first.status == "COMPLETE_IN_PROGRESS"
    assert look(kind, engine, make_family(kind, first.status, Goal.STOPPED)).decision.status == "COMPLETE"


@pytest.mark.parametrize(
    ("ended", "goal", "status"),
    [
        (Phase.SUCCEEDED, Goal.PRESENT, "RUNNING"),
        (Phase.SUCCEEDED, Goal.STOPPED, "STOP_IN_PROGRESS"),
        (Phase.FAILED, Goal.PRESENT, "RUNNING"),
    ],
)
def test_the_reason_of_an_end_stays_through_the_cleaning_up(
    ended: Phase, goal: Goal, status: str, make_family: MakeFamily, scripted: type
) -> None:
    """Also of a good end, such as a tuning that has reached its goal; also when cleaning up needs several attempts."""
    kind = BY_NAME["training"]
    seen, later = Observation(ended, "GoalReached"), TemporaryEngineError("busy")
    decision = look(kind, scripted(seen), make_family(kind, status, goal)).decision
    assert decision.reason == "GoalReached"
    for acting in (later, later, None):
        family = make_family(kind, decision.status, goal)
        family = replace(family, record=replace(family.record, reason=decision.reason))
        decision = look(kind, scripted(seen, acting), family).decision
        assert decision.reason == "GoalReached"
    assert decision.status in (kind.lifecycle.complete, kind.lifecycle.failed)


def test_a_stopped_job_that_runs_after_all_is_stopped_again(make_family: MakeFamily, scripted: type) -> None:
    """A replica that was suspended before its start() can start a job after another replica has stopped it."""
    kind = BY_NAME["training"]
    engine = scripted(Observation(Phase.RUNNING))
    decision = look(kind, engine, make_family(kind, "STOPPED", Goal.STOPPED)).decision
    assert (decision.status, engine.asked) == ("STOPPED", ["stop"])
    assert decision.due_in is not None


def test_waiting_names_what_is_waited_for(make_family: MakeFamily) -> None:
    kind = BY_NAME["training"]
    waiting, never = waits_for(kind, make_family(kind, "CREATE_REQUESTED", target="pending"))
    assert never is None
    assert waiting is not None
    assert "the experiment" in waiting
    waiting, never = waits_for(kind, make_family(kind, "CREATE_REQUESTED", target="never"))
    assert waiting is None
    assert never == "experiment the experiment is NO_SUCH_STATUS"


def test_pauses_after_temporary_trouble_grow_to_a_limit(
    make_family: MakeFamily, make_record: Any, scripted: type
) -> None:
    kind = BY_NAME["training"]
    pauses: list[float] = []
    attempts = 0
    for _ in range(30):
        family = Family(make_record("training", "CREATE_IN_PROGRESS", attempts=attempts))
        seen = look(kind, scripted(TemporaryEngineError("away", retry_after=2.0)), family)
        attempts, pause = seen.attempts, seen.decision.due_in
        assert pause is not None
        pauses.append(pause)
    assert pauses[:3] == [2.0, 3.0, 4.5]
    assert pauses[-1] == LONGEST_BACKOFF
    assert look(kind, scripted(Observation(Phase.RUNNING)), Family(make_record("training", "RUNNING"))).attempts == 0
