"""Flavors by name: the operator's catalogue first, then the API, then what the name itself says."""

from pathlib import Path

import pytest

from adapters.easymaker.catalogue import entries, load
from kfp_components.easymaker.authoring import flavors
from kfp_components.easymaker.authoring.flavors import Flavor, FlavorUnknown, find_flavor
from tests.kfp_components.easymaker.answering_server import answering

CATALOGUE = """
flavors:
  - {name: big, vcpus: 32, ram: 65536, gpuFlavor: true, gpuCount: 2, gpuResource: example.com/gpu,
     nodeSelector: {pool: big}, tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}], cpuReservedMilli: 1000}
"""


@pytest.mark.parametrize(
    ("name", "cpu", "memory", "gpus"),
    [("m2.c1m2", "500m", "1024Mi", 0), ("m2.c16m32", "15500m", "31744Mi", 0), ("g2.c8m64g1", "7500m", "64512Mi", 1)],
)
def test_a_name_says_how_large_it_is(name: str, cpu: str, memory: str, gpus: int) -> None:
    found = find_flavor(name, {})
    assert (found.usable_cpu, found.usable_memory, found.gpus) == (cpu, memory, gpus)


def test_names_say_the_same_as_the_adapters_catalogue() -> None:
    """What is left of an instance is calculated in both; they must agree."""
    for flavor in load().flavors:
        found = find_flavor(flavor.name, {})
        assert found.usable_cpu == f"{flavor.usable_cpu_milli}m"
        assert found.usable_memory == f"{flavor.usable_memory_mib}Mi"
        assert found.gpus == flavor.gpu_count
    assert entries.Flavor.model_fields["gpu_resource"].default == flavors.GPU_RESOURCE


@pytest.mark.parametrize("name", ["large", "m2.c0m4", "c4m8", "m2.c4m8x", "m2.c4m8 "])
def test_a_name_that_does_not_say_it_is_unknown(name: str) -> None:
    with pytest.raises(FlavorUnknown, match="EASYMAKER_CATALOGUE"):
        find_flavor(name, {})


def test_a_catalogue_knows_nodes_too_and_counts_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE)
    found = find_flavor("big", {"EASYMAKER_CATALOGUE": str(path)})
    assert (found.usable_cpu, found.gpus, found.gpu_resource) == ("31000m", 2, "example.com/gpu")
    assert found.node_selector == {"pool": "big"}
    with pytest.raises(FlavorUnknown, match="there are: big"):
        find_flavor("m2.c1m2", {"EASYMAKER_CATALOGUE": str(path)})


def test_the_api_is_asked_where_it_is_configured() -> None:
    entry = {"id": "f", "name": "odd", "vcpus": 3, "ram": 5120, "gpuFlavor": False, "gpuCount": 0}
    body = {"header": {"isSuccessful": True}, "flavorList": [entry]}
    with answering(lambda request: (200, body)) as server:
        assert find_flavor("odd", {"EM_API_URL": server.url}) == Flavor("odd", 3000, 5120)
        with pytest.raises(FlavorUnknown, match="there are: odd"):
            find_flavor("m2.c1m2", {"EM_API_URL": server.url})
