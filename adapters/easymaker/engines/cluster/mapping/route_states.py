"""How routes stand: whether they are as they should be, and whether the gateway has taken them. Pure."""

from collections.abc import Iterable, Sequence

from adapters.easymaker.engines.cluster.bundles import Bundle, applied_digest
from adapters.easymaker.engines.cluster.mapping.pods import one_line
from adapters.easymaker.engines.cluster.mapping.stage_routes import LEADS_TO
from adapters.easymaker.engines.cluster.names import STAGE_ID
from adapters.easymaker.kinds.record import Json

ACCEPTED = "Accepted"
RESOLVED = "ResolvedRefs"


def outdated(rendered: Iterable[Json], known: Iterable[Json]) -> list[Bundle]:
    """What has to be applied, of what was rendered."""
    there = {obj["metadata"]["name"]: obj for obj in known if "deletionTimestamp" not in obj["metadata"]}
    found: list[Bundle] = []
    for manifest in rendered:
        bundle = Bundle(manifest)
        obj = there.get(manifest["metadata"]["name"])
        if obj is None or applied_digest(obj) != bundle.digest():
            found.append(bundle)
    return found


def superfluous(rendered: Iterable[Json], known: Iterable[Json]) -> list[Json]:
    """Objects that are there and should not be."""
    names = {manifest["metadata"]["name"] for manifest in rendered}
    return [obj for obj in known if obj["metadata"]["name"] not in names]


def leads_to(route: Json) -> list[str]:
    """The stage resources that requests are sent to."""
    return (route["metadata"].get("annotations") or {}).get(LEADS_TO, "").split(",")


def stage_of(route: Json) -> str:
    """The stage that wrote it."""
    return (route["metadata"].get("labels") or {}).get(STAGE_ID, "")


def gateway_problem(routes: Sequence[Json], gateway: str) -> str | None:
    """Why the gateway, given as NAMESPACE/NAME, does not send requests by these HTTPRoutes; None when it does."""
    for route in routes:
        answers = [entry for entry in _parents(route) if _is(entry.get("parentRef") or {}, gateway)]
        if not answers:
            return f"gateway {gateway} has not taken the routes yet"
        # Several controllers may have answered for one gateway; one that has taken them is enough.
        problems = [_problem(entry, route) for entry in answers]
        if None not in problems:
            return one_line(f"gateway {gateway} does not take the routes: {problems[0]}")
    return None


def _parents(route: Json) -> list[Json]:
    return (route.get("status") or {}).get("parents") or []


def _is(reference: Json, gateway: str) -> bool:
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" == gateway


def _problem(entry: Json, route: Json) -> str | None:
    conditions: dict[str, Json] = {each["type"]: each for each in entry.get("conditions") or []}
    generation = route["metadata"].get("generation")
    for kind in (ACCEPTED, RESOLVED):
        condition = conditions.get(kind) or {}
        seen = condition.get("observedGeneration", generation)
        if condition.get("status") != "True":
            return condition.get("message") or condition.get("reason") or f"{kind} is not known yet"
        if generation is not None and seen != generation:
            return "it has not looked at the latest change yet"
    return None
