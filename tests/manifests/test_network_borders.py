"""NetworkPolicies: deny is the default, models hear only gateways, nobody reaches a cloud's metadata service."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.easymaker.engines.cluster import names
from adapters.easymaker.engines.cluster.mapping.training_states import RANK
from adapters.easymaker.kinds import KIND_BY_NAME
from tests.manifests.rendered import Json, everything, identity, one, pods, rendered

METADATA = (ipaddress.ip_address("169.254.169.254"), ipaddress.ip_address("fd00:ec2::254"))


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    found = [each for each in everything(tmp_path_factory.mktemp("all")) if each["kind"] == "NetworkPolicy"]
    assert len(found) > 4
    return found


def peers(policy: Json) -> Iterator[Json]:
    for rule in policy["spec"].get("egress", []):
        yield from rule.get("to", [])


def test_no_policy_lets_anybody_reach_the_metadata_service(policies: list[Json]) -> None:
    for policy in policies:
        for peer in peers(policy):
            block = peer.get("ipBlock")
            if block is None:
                continue
            kept_out = [ipaddress.ip_network(each) for each in block.get("except", [])]
            for address in METADATA:
                inside = address.version == ipaddress.ip_network(block["cidr"]).version
                assert not inside or any(address in each for each in kept_out), identity(policy)


def test_every_rule_names_who_is_meant(policies: list[Json]) -> None:
    """An empty rule allows everybody."""
    for policy in policies:
        spec = policy["spec"]
        assert spec["podSelector"].get("matchLabels"), identity(policy)
        for rule in spec.get("ingress", []):
            assert rule["from"], identity(policy)
            assert {} not in [peer.get("namespaceSelector", None) for peer in rule["from"]], identity(policy)
        for rule in spec.get("egress", []):
            assert rule["to"], identity(policy)
        assert ("Egress" in spec["policyTypes"]) == ("egress" in spec), identity(policy)


def test_every_program_that_we_run_has_a_policy_for_both_ways(tmp_path: Path) -> None:
    documents = everything(tmp_path)
    for kind in ("Deployment", "StatefulSet"):
        for document in [each for each in documents if each["kind"] == kind]:
            labels = document["spec"]["template"]["metadata"]["labels"]
            types = {
                way
                for policy in documents
                if policy["kind"] == "NetworkPolicy"
                and policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
                for way in policy["spec"]["policyTypes"]
            }
            assert types == {"Ingress", "Egress"}, identity(document)


def test_named_ports_of_policies_and_services_are_there(tmp_path: Path) -> None:
    documents = everything(tmp_path)
    ports = [port for pod in pods(documents) for container in pod.containers for port in container.get("ports", [])]
    named = {port["name"] for port in ports if "name" in port}
    for policy in [each for each in documents if each["kind"] == "NetworkPolicy"]:
        for rule in policy["spec"].get("ingress", []):
            for port in rule.get("ports", []):
                assert isinstance(port["port"], int) or port["port"] in named, identity(policy)
    for service in [each for each in documents if each["kind"] == "Service"]:
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named


def test_models_hear_gateways_only() -> None:
    policy = one(rendered("components/tenant"), "NetworkPolicy", "easymaker-models")
    for rule in policy["spec"]["ingress"]:
        assert rule["ports"]
        for peer in rule["from"]:
            assert peer["namespaceSelector"]["matchLabels"], peer


def test_policies_of_a_profile_mean_the_pods_that_the_engine_makes() -> None:
    documents = rendered("components/tenant")
    models = one(documents, "NetworkPolicy", "easymaker-models")["spec"]["podSelector"]
    assert models == {"matchLabels": {names.MANAGED_BY: names.MANAGER, names.KIND: "endpoint-model"}}
    jobs = one(documents, "NetworkPolicy", "easymaker-trainings")["spec"]
    kinds = ["training", "hyperparameter-tuning"]
    assert jobs["podSelector"] == {
        "matchLabels": {names.MANAGED_BY: names.MANAGER},
        "matchExpressions": [
            {"key": names.KIND, "operator": "In", "values": kinds},
            # Not the suggestion service of a tuning, which has its labels, too.
            {"key": RANK, "operator": "Exists"},
        ],
    }
    assert jobs["ingress"] == [{"from": [{"podSelector": jobs["podSelector"]}]}]
    assert {"endpoint-model", *kinds} <= set(KIND_BY_NAME)


def test_a_profiles_part_names_no_namespace() -> None:
    """So that `kubectl apply -n PROFILE` puts it where it belongs."""
    assert [identity(each) for each in rendered("components/tenant") if "namespace" in each["metadata"]] == []
