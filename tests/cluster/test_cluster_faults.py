"""Every kind of request fails once, in every way, and each resource still ends where it would have without that.

One adapter leads one life per kind of fault, in which every verb on every type of object fails once. A cell is a
verb, a resource and a kind of fault; how many have happened is printed and recorded as the property ``cells``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.cluster.controllers import Controllers
from tests.cluster.installation import ClusterInstallation
from tests.cluster.lives import WHOLE, Life, Objects, PatientApi, together
from tests.cluster.overlay import TENANT, apply_all, bind
from tests.conftest import PATIENCE, wait_for
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.fault_proxy import FaultProxy
from tests.kubernetes.faults import Fault, FaultKind
from tests.kubernetes.namespaces import create_namespace, delete_namespace

pytestmark = pytest.mark.slow

Pair = tuple[str, str]
RecordProperty = Callable[[str, object], None]
REVIEWS = ("tokenreviews", "subjectaccessreviews")
CUSTOM = ("trainjobs", "experiments", "tensorboards", "inferenceservices", "httproutes")
WATCHED = (*CUSTOM, "trials", "pods")
WATCHES = [("watch", resource) for resource in WATCHED]
# Routes and trials are only read from the cache; what else has no entry the adapter never asks: test_recorded_calls.py.
CREATION: list[Pair] = [
    *(("create", resource) for resource in REVIEWS),
    *(("list", resource) for resource in WATCHED),
    *WATCHES,
    *(("get", each) for each in (*CUSTOM[:4], "suggestions", "persistentvolumeclaims", "pods/log")),
    *(("patch", each) for each in (*CUSTOM, "experiments/status", "persistentvolumeclaims", "configmaps", "secrets")),
]
DELETION: list[Pair] = [
    *(("list", resource) for resource in (*CUSTOM, "trials", "persistentvolumeclaims", "configmaps")),
    *(("delete", resource) for resource in (*CUSTOM, "trials", "persistentvolumeclaims", "configmaps", "secrets")),
]
# Two at once: most of the time is the drivers' own pauses before they try again.
EVERYWHERE = [
    [FaultKind.CONFLICT, FaultKind.CUT_AFTER],
    [FaultKind.GONE, FaultKind.TOO_MANY],
    [FaultKind.INTERNAL, FaultKind.CUT],
    [FaultKind.UNAVAILABLE, FaultKind.EXPIRED_TOKEN],
]
# With those of paused, of stale and of silent watches.
LIVES = 2 * len(EVERYWHERE) + 3
# Longer than the adapter waits for an answer: what it has given up is carried out nevertheless, after it asked again.
PAUSE_SECONDS = 15.0
# Each verb once, none after another that belongs to the same resource.
PAUSED_CREATION: list[Pair] = [
    ("create", "subjectaccessreviews"), ("watch", "tensorboards"), ("list", "pods"), ("get", "trainjobs"),
    ("patch", "httproutes"),
]  # fmt: skip
PAUSED_DELETION: list[Pair] = [("list", "configmaps"), ("delete", "inferenceservices")]


@dataclass
class Faulted:
    """An installation behind a proxy. Each life has a caller of its own, of whom the adapter knows nothing yet."""

    cluster: ClusterInstallation
    proxy: FaultProxy
    controllers: Controllers
    objects: Objects
    callers: list[str]
    cells: set[tuple[str, str, str]] = field(default_factory=set)

    def life(self) -> Life:
        server = self.cluster.server
        assert server is not None
        caller = self.callers.pop()
        self.cluster.tokens[caller] = server.service_account_token(self.cluster.profile, caller)
        api = PatientApi(self.cluster.api(who=caller).client)
        return Life(api, self.controllers)

    def plan(self, kind: FaultKind, pairs: list[Pair], times: int | None = 1) -> None:
        seconds = PAUSE_SECONDS if kind is FaultKind.PAUSE else 1
        self.proxy.faults.add(*(Fault(verb, resource, kind, times, seconds) for verb, resource in pairs))

    def pauses_are_over(self) -> None:
        """What was held up has been carried out: it may not bring back what is deleted next."""
        paused = [each for each in self.proxy.requests if each.fault and each.fault.kind is FaultKind.PAUSE]
        wait_for(lambda: all(each.status is not None for each in paused), PATIENCE, "the pauses are over")

    def all_happened(self) -> int:
        """How many cells there were."""
        assert self.proxy.faults.unused() == []
        happened = {(fault.verb, fault.resource, str(fault.kind)) for fault, _ in self.proxy.faults.fired}
        new = happened - self.cells
        self.cells |= new
        self.proxy.faults.clear()
        return len(new)


@pytest.fixture(scope="module")
def profile(kubeflow: ApiServerProcess) -> Iterator[str]:
    """One for all lives."""
    name = "team-of-faults"
    create_namespace(kubeflow, name)
    assert apply_all(kubeflow, TENANT, name) == []
    yield name
    delete_namespace(kubeflow, name)


@pytest.fixture(scope="module")
def callers(kubeflow: ApiServerProcess, profile: str) -> list[str]:
    names = [f"caller-{number}" for number in range(LIVES)]
    for name in names:
        kubeflow.service_account_token(profile, name)
        bind(kubeflow, profile, "easymaker-edit", name)
    bind(kubeflow, profile, "easymaker-edit", "owner")
    return names


@pytest.fixture(scope="module")
def faulted(kubeflow: ApiServerProcess, profile: str, callers: list[str]) -> Iterator[Faulted]:
    """Resyncs so rarely that nothing heals by the mere passing of time."""
    cluster = ClusterInstallation.over(kubeflow, profile)
    try:
        with FaultProxy(kubeflow) as proxy, Controllers(kubeflow) as controllers:
            cluster.through(proxy.url)
            cluster.start(workers=8)
            made = Faulted(cluster, proxy, controllers, Objects(kubeflow, profile), callers)
            yield made
            print(f"\ncells of verb, resource and fault that happened: {len(made.cells)}")
            cluster.kill()
    finally:
        cluster.destroy()


def lead(faulted: Faulted, kinds: list[FaultKind], creation: list[Pair], deletion: list[Pair]) -> int:
    """As many lives at once as there are kinds; each request fails once in each way, whosever it is.

    Returns how many cells that were.
    """
    lives = [faulted.life() for _ in kinds]
    for kind in kinds:
        faulted.plan(kind, creation)
    # They begin anew, with a list.
    faulted.proxy.end_watches()
    together(*(life.begin for life in lives))
    faulted.pauses_are_over()
    assert faulted.objects.of(*lives) == {what: count * len(lives) for what, count in WHOLE.items()}
    for kind in kinds:
        faulted.plan(kind, deletion)
    together(*(life.end for life in lives))
    faulted.pauses_are_over()
    faulted.objects.require_none()
    cells = faulted.all_happened()
    assert cells == len({*creation, *deletion}) * len(kinds)
    return cells


# The default run has one pair of kinds; the others take half a minute each.
CELLS = [
    pytest.param(kinds, marks=[pytest.mark.exhaustive] if number else [], id=" and ".join(kinds))
    for number, kinds in enumerate(EVERYWHERE)
]


@pytest.mark.parametrize("kinds", CELLS)
def test_every_request_fails_once(faulted: Faulted, kinds: list[FaultKind], record_property: RecordProperty) -> None:
    record_property("cells", lead(faulted, kinds, CREATION, DELETION))


@pytest.mark.exhaustive
def test_every_verb_is_held_up(faulted: Faulted, record_property: RecordProperty) -> None:
    record_property("cells", lead(faulted, [FaultKind.PAUSE], PAUSED_CREATION, PAUSED_DELETION))


def test_every_watch_goes_stale(faulted: Faulted, record_property: RecordProperty) -> None:
    record_property("cells", lead(faulted, [FaultKind.STALE_WATCH], WATCHES, []))


def test_no_watch_tells_anything(faulted: Faulted, record_property: RecordProperty) -> None:
    """What happens is then seen by the next list."""
    faulted.cluster.stop()
    faulted.plan(FaultKind.DROP_WATCH_EVENTS, WATCHES, times=None)
    faulted.cluster.start(workers=8, cluster_resync_seconds=2)
    life = faulted.life()
    life.begin()
    assert faulted.objects.of(life) == WHOLE
    life.end()
    faulted.objects.require_none()
    cells = faulted.all_happened()
    assert cells == len(WATCHES)
    record_property("cells", cells)
