"""Stage resources, stages and endpoints as drivers carry them out, the same on every engine.

One file, so that one process of pytest-xdist starts the model server and loads KServe's large schemas.
"""

import pytest

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.kinds.record import Goal
from tests.conformance.bodies import QUOTA, ready
from tests.conformance.life import Life
from tests.conformance.local_world import LocalWorld
from tests.conformance.world import World, until

pytestmark = pytest.mark.parametrize(
    "world", ["local", "cluster-raw", "cluster-istio", "cluster-serverless"], indirect=True
)
KINDS = ("endpoint-model", "endpoint-stage", "endpoint")


def served(world: World) -> str:
    """A stage resource that is up, which the tests of one engine share."""
    made = world.shared.get("endpoint-model")
    if made is None:
        made = world.shared["endpoint-model"] = world.new("endpoint-model")
        world.kept.add(made)
        serve(world, made)
        world.rows.change(made, status="ACTIVE")
    return made


def serve(world: World, resource: str) -> Observation:
    """Until it is up, which it may be only once its stage leads to it."""
    stage = world.family(resource).ref("stage")
    assert stage is not None
    return world.settle(resource, Phase.RUNNING, through=stage.id)


def lend_server(world: World, *resources: str) -> None:
    """Have these stage resources be up by the shared one's server, which costs nothing."""
    state = world.record(served(world)).state
    for resource in resources:
        world.rows.change(resource, state=state, status="ACTIVE")


def parts_of(world: World, owner: str, kind: str) -> list[str]:
    return [part.id for part in world.family(owner).sources.get(kind, ())]


def model_of(world: World, resource: str) -> str:
    return str(world.record(resource).spec["modelId"])


def stage_of(world: World, endpoint: str | None = None) -> str:
    """A stage with one resource that is up."""
    model = {"modelId": model_of(world, served(world)), "apigwResourceUri": "/inference"}
    deployed = [model | {"resourceOptionDetail": QUOTA}]
    changes = {"endpointId": endpoint} if endpoint else {}
    stage = world.new("endpoint-stage", endpointModelResourceList=deployed, **changes)
    lend_server(world, *parts_of(world, stage, "endpoint-model"))
    return stage


@pytest.mark.parametrize("kind", KINDS)
def test_before_its_start_nothing_is_there_and_everything_may_be_asked(world: World, kind: str) -> None:
    made = world.new(kind)
    driver = world.driver(made)
    assert world.observe(made).phase in ((Phase.MISSING, Phase.PENDING) if kind == "endpoint" else (Phase.MISSING,))
    driver.stop(world.family(made))
    assert world.remains(world.record(made)) == []
    for _ in range(2):
        assert driver.remove(world.family(made, Goal.ABSENT)) is True
    assert world.remains(world.record(made)) == []


@pytest.mark.parametrize("goal", [Goal.PRESENT, Goal.ABSENT])
@pytest.mark.parametrize("kind", KINDS)
def test_before_its_platform_is_there_a_driver_at_most_asks_to_be_called_again(
    world: World, kind: str, goal: Goal
) -> None:
    made = world.new(kind)
    world.family(made, goal)
    with world.unprepared() as drivers:
        world.ask_everything(made, drivers)


def test_a_stage_resource_started_from_everywhere_at_once_is_there_once(world: World) -> None:
    made = served(world)
    things = world.remains(world.record(made))
    with world.replica() as others:
        world.start_at_once(made, others)
        seen = world.settle(made, Phase.RUNNING)
        assert seen.detail["readyPods"] == world.record(made).spec["podCount"]
        again = world.settle(made, Phase.RUNNING, drivers=others)
        assert again.detail == seen.detail
    assert world.remains(world.record(made)) == things
    assert len(things) == len(set(things))


def test_a_stage_resource_is_up_only_when_requests_get_to_its_present_server(world: World) -> None:
    """Not yet when its server is ready: its stage may still take it off the gateway, having seen it dead."""
    if not isinstance(world, LocalWorld):
        pytest.skip("on a cluster KServe says whether a server is reached, and its routes never name single pods")
    made = world.new("endpoint-model")

    def is_ready_but_not_up() -> bool:
        seen = world.observe(made)
        assert seen.phase is not Phase.RUNNING
        if seen.detail.get("readyPods") != 1:
            world.start(made)
        return "through the gateway" in seen.reason

    until(is_ready_but_not_up, lambda: "its server is ready")
    seen = serve(world, made)
    world.rows.change(made, status="ACTIVE")
    world.kill_server(made)
    until(is_ready_but_not_up, lambda: "its second server is ready")
    again = world.record(made).state
    assert (again["ports"], again["started"] > seen.detail["started"]) == (seen.detail["ports"], True)
    assert serve(world, made).detail["started"] == again["started"]


def test_a_stage_resource_that_is_being_made_tells_how_far_it_is(world: World) -> None:
    made = world.new("endpoint-model")
    world.start(made)
    seen = world.observe(made)
    assert seen.phase in (Phase.MISSING, Phase.PENDING, Phase.RUNNING)
    assert seen.reason or seen.phase is not Phase.PENDING
    assert int(world.record(made).state.get("readyPods", 0)) <= 1
    record = world.record(made)
    world.remove(made)
    world.nothing_left(record)
    assert world.driver(made).remove(world.family(made)) is True


def test_a_stage_resource_that_gets_more_pods_is_brought_up_to_date(world: World) -> None:
    made = served(world)
    world.rows.change(made, spec=world.record(made).spec | {"podCount": 2})
    assert world.observe(made).phase in (Phase.MISSING, Phase.PENDING)
    assert serve(world, made).detail["readyPods"] == 2


def test_a_stage_started_from_everywhere_at_once_is_published_once(world: World) -> None:
    stage = stage_of(world)
    with world.replica() as others:
        world.start_at_once(stage, others)
        world.settle(stage, Phase.RUNNING)
        things = world.remains(world.record(stage))
        world.start(stage, others)
        assert world.settle(stage, Phase.RUNNING, drivers=others).phase is Phase.RUNNING
    assert world.remains(world.record(stage)) == things
    assert things
    record = world.record(stage)
    world.remove(stage)
    world.nothing_left(record)


def test_a_stage_follows_its_resources(world: World) -> None:
    stage = stage_of(world)
    world.settle(stage, Phase.RUNNING)
    (first,) = parts_of(world, stage, "endpoint-model")
    second = world.new("endpoint-model", endpointStageId=stage, modelId=model_of(world, first))
    lend_server(world, second)
    assert world.observe(stage).phase is Phase.PENDING
    world.settle(stage, Phase.RUNNING)
    world.rows.delete(second)
    assert world.observe(stage).phase is Phase.PENDING
    world.settle(stage, Phase.RUNNING)


def test_a_stage_serves_for_as_long_as_it_is_its_endpoints_default_one(world: World) -> None:
    endpoint = world.new("endpoint", endpointModelResourceList=[{"modelId": model_of(world, served(world))}])
    (stage,) = parts_of(world, endpoint, "endpoint-stage")
    lend_server(world, *parts_of(world, stage, "endpoint-model"))
    world.settle(stage, Phase.RUNNING)
    world.settle(endpoint, Phase.RUNNING)
    with pytest.raises(TemporaryEngineError):
        world.driver(stage).remove(world.family(stage, Goal.ABSENT))
    world.family(endpoint, Goal.ABSENT)
    record = world.record(stage)
    world.remove(stage)
    world.nothing_left(record)
    world.remove(endpoint)
    world.nothing_left(world.record(endpoint))


def test_an_endpoint_changes_its_default_stage(world: World) -> None:
    deployed = [{"modelId": model_of(world, served(world))}]
    endpoint = world.new("endpoint", endpointModelResourceList=deployed)
    (old,) = parts_of(world, endpoint, "endpoint-stage")
    lend_server(world, *parts_of(world, old, "endpoint-model"))
    Life(world, endpoint, old).all_reach("ACTIVE")
    new = stage_of(world, endpoint)
    Life(world, endpoint, old, new).all_reach("ACTIVE")
    world.rows.act(endpoint, "default-stage", {"endpointStageId": new})
    record = world.record(old)
    everything = Life(world, endpoint, old, new, *parts_of(world, old, "endpoint-model"))
    everything.until(lambda: old not in world.rows.records, "the old stage is gone")
    world.nothing_left(record)
    everything.reach("ACTIVE")
    assert world.observe(new).phase is Phase.RUNNING
    records = [world.record(endpoint), world.record(new)]
    rest = Life(world, endpoint, new, *parts_of(world, new, "endpoint-model"))
    rest.end()
    world.nothing_left(*records)


def whole(world: World) -> Life:
    """An endpoint with all its parts."""
    endpoint = world.new("endpoint")
    (stage,) = parts_of(world, endpoint, "endpoint-stage")
    return Life(world, endpoint, stage, *parts_of(world, stage, "endpoint-model"))


def test_an_endpoint_lives_from_its_creation_to_its_end(world: World) -> None:
    life = whole(world)
    life.all_reach("ACTIVE")
    assert life.history() == ["CREATE_REQUESTED", "CREATE_IN_PROGRESS", "ACTIVE"]
    for _ in range(3):
        life.step()
    life.all_reach("ACTIVE")
    records = [world.record(each) for each in life.ids]
    life.end()
    world.nothing_left(*records)


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_an_endpoint_that_is_deleted_early_leaves_nothing(world: World, looks: int) -> None:
    life = whole(world)
    for _ in range(looks):
        life.step()
    records = [world.record(each) for each in life.ids]
    life.end()
    world.nothing_left(*records)


def test_an_endpoint_whose_model_cannot_be_loaded_says_so_and_can_be_deleted(world: World) -> None:
    life = whole(world)
    resource = life.ids[2]
    world.spoil(resource)
    life.reach("CREATE_FAILED")
    assert world.record(resource).reason in world.record(life.ids[0]).reason
    seen = world.observe(resource)
    assert seen.phase is Phase.FAILED
    assert seen.reason
    assert seen.detail["readyPods"] == 0
    records = [world.record(each) for each in life.ids]
    life.end()
    world.nothing_left(*records)


def test_a_stage_resource_of_a_format_that_is_not_served_is_refused(world: World) -> None:
    model = ready(world.rows, "model", {"modelFormatCode": "SAPEON"})
    made = world.new("endpoint-model", modelId=model)
    life = Life(world, made)
    life.reach("CREATE_FAILED")
    assert "SAPEON" in world.record(made).reason
    record = world.record(made)
    life.end()
    world.nothing_left(record)
