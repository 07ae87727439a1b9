"""`preflight`: whether a cluster has what the engine needs, for which kinds it lacks something, and what to run."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml

from adapters.easymaker.cli import output
from adapters.easymaker.cli.cluster import cluster_settings
from adapters.easymaker.cli.output import EXIT_USAGE, CliError, Format
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.access_questions import Question, denied
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.connection import ConnectionUnknown, Credentials
from adapters.easymaker.engines.cluster.permissions import PIPELINES, Permission, Scope, required
from adapters.easymaker.engines.cluster.profile_survey import ProfileNeeds, look_at_profile
from adapters.easymaker.engines.cluster.requirements import (
    COLLECTED,
    OURS,
    ROUTED_KINDS,
    RUN_KINDS,
    SERVED_KINDS,
    TUNING,
    requirements,
)
from adapters.easymaker.engines.cluster.survey import ABSENT, MISSING, OK, UNKNOWN, Finding, Survey
from adapters.easymaker.errors import EngineError
from adapters.easymaker.kinds import KINDS

TENANT = "manifests/components/tenant"
WIDEST = 160
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Wanted:
    """``account``: NAMESPACE/NAME of the service account whose rights are asked for; None: the caller's own."""

    kubeconfig: Path | None
    context: str | None
    namespaces: tuple[str, ...]
    account: str | None


def preflight(wanted: Wanted, form: Format) -> bool:
    """Print what is there and what is missing; whether everything that a kind needs is there.

    Raises:
        CliError: there is no cluster to look at.
    """
    for name in wanted.namespaces:
        if not LABEL.fullmatch(name):
            raise CliError(f"--namespace: {name!r} is not the name of a namespace", EXIT_USAGE)
    cluster = cluster_settings(kubeconfig=wanted.kubeconfig, context=wanted.context)
    namespaces = tuple(dict.fromkeys((*wanted.namespaces, *cluster.namespaces)))
    server = _connect(cluster)
    try:
        version = _version(server)
        findings = Survey(server).look(requirements(cluster))
        findings += _permissions(server, cluster, namespaces, wanted.account)
        needs = _profile_needs(cluster)
        findings += [finding for name in namespaces for finding in look_at_profile(server, name, needs)]
    finally:
        server.close()
    good = not any(finding.bad for finding in findings)
    if form is Format.JSON:
        _print_json(version, findings, good)
    else:
        _print_text(version, findings)
    return good


def _connect(cluster: ClusterSettings) -> ApiServer:
    try:
        return ApiServer(Credentials(cluster))
    except ConnectionUnknown as error:
        raise CliError(str(error), EXIT_USAGE) from error
    except (yaml.YAMLError, OSError, ValueError) as error:
        raise CliError(f"the kubeconfig cannot be used: {error}", EXIT_USAGE) from error


def _version(server: ApiServer) -> str:
    try:
        return str((server.get("/version") or {}).get("gitVersion", "unknown"))
    except EngineError as error:
        raise CliError(f"no cluster to look at: {error}", EXIT_USAGE) from error


def _questions(cluster: ClusterSettings, namespaces: tuple[str, ...]) -> dict[str, list[Question]]:
    """What the engine asks for, by the place that it is granted in."""
    everything = (*required(cluster.routes), *(PIPELINES if cluster.pipelines_url else ()))
    watched = cluster.namespaces or (None,)

    def ask(permission: Permission, namespace: str | None) -> list[Question]:
        return [Question(permission, verb, namespace) for verb in permission.verbs]

    whole = [q for p in everything if p.scope is Scope.CLUSTER for q in ask(p, None)]
    whole += [q for p in everything if p.scope is Scope.WATCHED for place in watched for q in ask(p, place)]
    found = {"": whole}
    for namespace in namespaces:
        found[namespace] = [q for p in everything if p.scope is Scope.PROFILE for q in ask(p, namespace)]
    return found


def _permissions(
    server: ApiServer, cluster: ClusterSettings, namespaces: tuple[str, ...], account: str | None
) -> list[Finding]:
    findings: list[Finding] = []
    every = tuple(kind.name for kind in KINDS)
    for namespace, questions in _questions(cluster, namespaces).items():
        part = f"namespace {namespace}" if namespace else "cluster"
        needs = f"permissions of {account or 'the caller'}"
        try:
            refused = denied(server, questions, account)
        except EngineError as error:
            findings.append(Finding(part, needs, UNKNOWN, str(error), every))
            continue
        remedy = f"kubectl apply --server-side --namespace {namespace} -k {TENANT}" if namespace else OURS
        if refused:
            findings.append(Finding(part, needs, MISSING, _refusal(refused, len(questions)), every, remedy))
        else:
            findings.append(Finding(part, needs, OK, f"all {len(questions)} granted", every))
    return findings


def _refusal(refused: list[Question], asked: int) -> str:
    if len(refused) == asked:
        return f"none of {asked} granted"
    verbs: dict[str, dict[str, None]] = {}
    for question in refused:
        verbs.setdefault(question.permission.full_name, {})[question.verb] = None
    return "not granted: " + "; ".join(f"{', '.join(found)} {name}" for name, found in verbs.items())


def _profile_needs(cluster: ClusterSettings) -> ProfileNeeds:
    accounts: dict[str, tuple[str, ...]] = {cluster.job_service_account: RUN_KINDS}
    accounts[cluster.model_service_account] = (*accounts.get(cluster.model_service_account, ()), *SERVED_KINDS)
    gateway = cluster.gateway if cluster.routes == "gateway-api" else None
    return ProfileNeeds(accounts, gateway, ROUTED_KINDS, TENANT, COLLECTED, (TUNING,))


def _kinds(findings: list[Finding]) -> Iterator[dict[str, Any]]:
    """A row per kind: whether it works, and what it lacks."""
    for kind in KINDS:
        about = [finding for finding in findings if kind.name in finding.kinds]
        lacking = [finding for finding in about if finding.bad]
        unsure = [finding for finding in about if finding.state == UNKNOWN]
        left_out = [finding for finding in about if finding.state == ABSENT]
        state = MISSING if lacking else (UNKNOWN if unsure else (ABSENT if left_out else OK))
        parts = dict.fromkeys(_name(finding) for finding in lacking or unsure or left_out)
        yield {"kind": kind.name, "state": state, "lacks": list(parts)}


def _name(finding: Finding) -> str:
    return f"{finding.part}: {finding.needs}" if finding.part.startswith(("namespace", "cluster")) else finding.part


def _print_json(version: str, findings: list[Finding], good: bool) -> None:
    output.print_json(
        {"ok": good, "kubernetes": version, "checks": list(map(asdict, findings)), "kinds": list(_kinds(findings))}
    )


def _print_text(version: str, findings: list[Finding]) -> None:
    console = output.out()
    console.print(f"Kubernetes {version}", markup=False)
    console.print()
    columns = {"part": "PART", "needs": "NEEDED", "state": "STATE", "found": "FOUND"}
    rows = [asdict(finding) | {"found": shorten(finding.found, WIDEST, placeholder=" …")} for finding in findings]
    console.print(output.table(columns, rows))
    console.print()
    rows = [row | {"lacks": ", ".join(row["lacks"])} for row in _kinds(findings)]
    console.print(output.table({"kind": "RESOURCE", "state": "STATE", "lacks": "LACKS"}, rows))
    remedies = dict.fromkeys((finding.part, finding.remedy) for finding in findings if finding.bad and finding.remedy)
    if remedies:
        console.print()
    for part, remedy in remedies:
        console.print(f"{part}: {remedy}", markup=False)
