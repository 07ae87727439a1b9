"""Looking at a namespace that is an appkey: whether what the engine makes in it can work. Changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.easymaker.engines.cluster.api_resources import NAMESPACE
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.requirements import GATEWAY, SERVICE_ACCOUNT
from adapters.easymaker.engines.cluster.survey import MISSING, OK, UNKNOWN, Finding
from adapters.easymaker.errors import EngineError
from adapters.easymaker.kinds.record import Json


@dataclass(frozen=True)
class ProfileNeeds:
    """``accounts``: service accounts, and the kinds that run as them; the manifests of ``remedy`` bring them.

    ``gateway``: NAMESPACE/NAME of the Gateway that has to take the routes of the kinds ``routed``. ``label``: one that
    the namespace has to have for the kinds ``labelled``.
    """

    accounts: Mapping[str, tuple[str, ...]]
    gateway: str | None
    routed: tuple[str, ...]
    remedy: str
    label: tuple[str, str]
    labelled: tuple[str, ...]


def look_at_profile(server: ApiServer, namespace: str, needs: ProfileNeeds) -> list[Finding]:
    """Whether the namespace is there, its service accounts and label, and whether the Gateway takes its routes."""
    part = f"namespace {namespace}"
    try:
        found = server.read(NAMESPACE, None, namespace)
    except EngineError as error:
        return [Finding(part, part, UNKNOWN, str(error))]
    if found is None:
        every = tuple(dict.fromkeys(kind for kinds in (*needs.accounts.values(), needs.labelled) for kind in kinds))
        return [Finding(part, part, MISSING, "not there", every, "make a Kubeflow profile of that name")]
    findings = [_account(server, namespace, name, kinds, needs) for name, kinds in needs.accounts.items()]
    findings.append(_label(found, needs))
    return findings + ([_admission(server, found, needs)] if needs.gateway else [])


def _label(namespace: Json, needs: ProfileNeeds) -> Finding:
    name, (key, value) = namespace["metadata"]["name"], needs.label
    part, wanted = f"namespace {name}", f"label {key}={value}"
    if (namespace["metadata"].get("labels") or {}).get(key) == value:
        return Finding(part, wanted, OK, "there", needs.labelled)
    return Finding(part, wanted, MISSING, "not there", needs.labelled, f"kubectl label namespace {name} {key}={value}")


def _account(server: ApiServer, namespace: str, name: str, kinds: tuple[str, ...], needs: ProfileNeeds) -> Finding:
    part, wanted = f"namespace {namespace}", f"ServiceAccount {name}"
    try:
        there = server.read(SERVICE_ACCOUNT, namespace, name) is not None
    except EngineError as error:
        return Finding(part, wanted, UNKNOWN, str(error), kinds)
    remedy = f"kubectl apply --server-side --namespace {namespace} -k {needs.remedy}"
    if there:
        return Finding(part, wanted, OK, "there", kinds)
    return Finding(part, wanted, MISSING, "not there", kinds, remedy)


def _admission(server: ApiServer, namespace: Json, needs: ProfileNeeds) -> Finding:
    name = namespace["metadata"]["name"]
    part, wanted = f"namespace {name}", f"routes taken by Gateway {needs.gateway}"
    home, _, gateway_name = str(needs.gateway).partition("/")
    try:
        gateway = server.read(GATEWAY, home, gateway_name)
    except EngineError as error:
        return Finding(part, wanted, UNKNOWN, str(error), needs.routed)
    if gateway is None:
        return Finding(part, wanted, UNKNOWN, "the Gateway is not there", needs.routed)
    rules = [((each.get("allowedRoutes") or {}).get("namespaces") or {}) for each in gateway["spec"]["listeners"]]
    answers = [_takes(rule, namespace, home) for rule in rules]
    if True in answers:
        return Finding(part, wanted, OK, "taken", needs.routed)
    if None in answers:
        return Finding(part, wanted, UNKNOWN, "its selector is more than labels", needs.routed)
    labels = [(rule.get("selector") or {}).get("matchLabels") or {} for rule in rules]
    pairs = " ".join(f"{key}={value}" for key, value in next(filter(None, labels), {}).items())
    remedy = f"kubectl label namespace {name} {pairs}" if pairs else "allow its routes in the Gateway's listener"
    return Finding(part, wanted, MISSING, "not taken", needs.routed, remedy)


def _takes(rule: Json, namespace: Json, home: str) -> bool | None:
    """None: cannot be told here."""
    way = rule.get("from", "Same")
    if way != "Selector":
        return way == "All" or (way == "Same" and namespace["metadata"]["name"] == home)
    selector, labels = rule.get("selector") or {}, namespace["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return None if selector.get("matchExpressions") else True
