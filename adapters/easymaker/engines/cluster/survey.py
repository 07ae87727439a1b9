"""Looking at a cluster: which of the requirements it meets. Changes nothing."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from adapters.easymaker.engines.cluster.access_questions import Question, denied
from adapters.easymaker.engines.cluster.api_resources import CONFIG_MAP, ApiResource
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.permissions import Permission, Scope
from adapters.easymaker.engines.cluster.requirements import (
    CUSTOM_RESOURCE,
    STORAGE_CONTAINER,
    Allowed,
    Answers,
    Configured,
    Mentions,
    Named,
    Requirement,
    Served,
    Storage,
)
from adapters.easymaker.errors import EngineError
from adapters.easymaker.kinds.record import Json

OK, MISSING, TOO_OLD, ABSENT, UNKNOWN = "ok", "missing", "too old", "absent", "unknown"
ANSWER_SECONDS = 5.0
PIPELINES_HEALTH = "/apis/v2beta1/healthz"


@dataclass(frozen=True)
class Finding:
    """``state``: ok; missing or too old: ``kinds`` do not work; absent: not needed; unknown: could not be looked at."""

    part: str
    needs: str
    state: str
    found: str
    kinds: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def bad(self) -> bool:
        return self.state in (MISSING, TOO_OLD)


@dataclass
class Survey:
    """One look; what was discovered is remembered for as long as it lasts."""

    server: ApiServer
    _groups: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _served: dict[tuple[str, str], set[str]] = field(default_factory=dict[tuple[str, str], set[str]])

    def look(self, wanted: Iterable[Requirement]) -> list[Finding]:
        return [self._finding(requirement) for requirement in wanted]

    def _finding(self, wanted: Requirement) -> Finding:
        try:
            state, found = self._seen(wanted)
        except EngineError as error:
            state, found = UNKNOWN, f"cannot be looked at: {error}"
        remedy = wanted.remedy if state in (MISSING, TOO_OLD, ABSENT) else ""
        return Finding(wanted.part, wanted.needs, state, found, wanted.kinds, remedy)

    def _seen(self, wanted: Requirement) -> tuple[str, str]:
        """The state, and what was found."""
        match wanted:
            case Served():
                return self._kind(wanted)
            case Named():
                return self._object(wanted)
            case Mentions():
                return self._text(wanted)
            case Allowed():
                return self._rights(wanted)
            case Storage():
                return self._storage(wanted)
            case Answers():
                return _answer(wanted)
            case Configured():
                return (OK, "set") if wanted.is_set else (ABSENT, "not set")

    def _kind(self, wanted: Served) -> tuple[str, str]:
        resource = wanted.resource
        served = self.versions(resource)
        if not served:
            return ABSENT if wanted.optional else MISSING, "not installed"
        found = f"served: {', '.join(served)}"
        if resource.version not in served:
            return ABSENT if wanted.optional else TOO_OLD, found
        lacking = self._lacking(wanted)
        if lacking is None:
            return OK, f"{found} (its fields cannot be looked at: no right to read CRDs)"
        if lacking:
            return TOO_OLD, f"{found} without {', '.join(lacking)}; {wanted.since} has it"
        return OK, found

    def _object(self, wanted: Named) -> tuple[str, str]:
        resource = wanted.resource
        if resource.version not in self.versions(resource):
            return MISSING, f"{resource.kind} {resource.version} is not served"
        there = self.server.read(resource, wanted.namespace, wanted.name) is not None
        return (OK, "there") if there else (MISSING, "not there")

    def _text(self, wanted: Mentions) -> tuple[str, str]:
        found = self.server.read(CONFIG_MAP, wanted.namespace, wanted.name)
        if found is None:
            return MISSING, "not there"
        there = any(wanted.text in text for text in (found.get("data") or {}).values())
        return (OK, "there") if there else (TOO_OLD, "without it")

    def _rights(self, wanted: Allowed) -> tuple[str, str]:
        resource = wanted.resource
        permission = Permission(resource.group, resource.plural, wanted.verbs, Scope.CLUSTER)
        questions = [Question(permission, verb, None) for verb in wanted.verbs]
        refused = denied(self.server, questions, wanted.account)
        return (MISSING, f"not granted: {', '.join(q.verb for q in refused)}") if refused else (OK, "granted")

    def _storage(self, wanted: Storage) -> tuple[str, str]:
        if STORAGE_CONTAINER.version not in self.versions(STORAGE_CONTAINER):
            return MISSING, f"{STORAGE_CONTAINER.kind} is not served"
        for container in self.server.list(STORAGE_CONTAINER, None):
            formats = (container.get("spec") or {}).get("supportedUriFormats") or []
            if any(wanted.prefix.startswith(str(each.get("prefix") or "\0")) for each in formats):
                return OK, container["metadata"]["name"]
        return MISSING, "none"

    def versions(self, resource: ApiResource) -> list[str]:
        """In which versions this kind of object is served, as discovery has them: the preferred one first.

        Raises:
            EngineError: the API server does not tell.
        """
        if resource.group not in self._groups:
            group = self.server.get(f"/apis/{resource.group}") or {}
            self._groups[resource.group] = [each["version"] for each in group.get("versions") or []]
        return [each for each in self._groups[resource.group] if resource.plural in self._plurals(resource, each)]

    def _plurals(self, resource: ApiResource, version: str) -> set[str]:
        key = (resource.group, version)
        if key not in self._served:
            document = self.server.get(f"/apis/{resource.group}/{version}") or {}
            self._served[key] = {each["name"] for each in document.get("resources") or []}
        return self._served[key]

    def _lacking(self, wanted: Served) -> list[str] | None:
        """Fields that the served schema does not have; None when it cannot be read."""
        if not wanted.fields:
            return []
        resource = wanted.resource
        try:
            crd = self.server.read(CUSTOM_RESOURCE, None, f"{resource.plural}.{resource.group}")
        except EngineError:
            return None
        versions = ((crd or {}).get("spec") or {}).get("versions") or []
        schema = next((each.get("schema") or {} for each in versions if each["name"] == resource.version), {})
        return [path for path in wanted.fields if not _has(schema.get("openAPIV3Schema") or {}, path)]


def _answer(wanted: Answers) -> tuple[str, str]:
    try:
        answer = httpx.get(wanted.url.rstrip("/") + PIPELINES_HEALTH, timeout=ANSWER_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if _only_inside(wanted.url):
            return UNKNOWN, "an address inside the cluster: preflight in the adapter's pod can tell"
        return MISSING, f"does not answer: {error}"
    return (OK, "answers") if answer.is_success else (MISSING, f"answered {answer.status_code}")


def _has(schema: Json, path: str) -> bool:
    below: Json | None = schema
    for name in path.split("."):
        below = ((below or {}).get("properties") or {}).get(name)
    return below is not None


def _only_inside(url: str) -> bool:
    """Whether the host is one that only pods find, and this is none."""
    host = urlsplit(url).hostname or ""
    inside = "." not in host or host.endswith((".svc", ".cluster.local"))
    return inside and host != "localhost" and "KUBERNETES_SERVICE_HOST" not in os.environ
