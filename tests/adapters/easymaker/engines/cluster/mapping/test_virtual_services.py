"""Stages as Istio VirtualServices: readable golden files, strictly valid."""

import pytest

from adapters.easymaker.engines.cluster.mapping.stage_routes import publications
from adapters.easymaker.engines.cluster.mapping.virtual_services import virtual_services
from adapters.easymaker.kinds.record import Json, Record
from tests.adapters.easymaker.engines.cluster import serving_samples as samples
from tests.adapters.easymaker.engines.cluster.golden_files import require_golden, require_strictly_valid
from tests.adapters.easymaker.engines.cluster.serving_samples import resource, settings, stage_family


def services(*resources: Record, default: bool = False, mode: str = "RawDeployment") -> list[Json]:
    cluster = settings(serving_mode=mode)
    published = publications(stage_family(*resources, default=default))
    return [service for each in published for service in virtual_services(each, cluster)]


CASES = {
    "virtual-service-default-stage": lambda: services(resource("my 모델", apigwResourceUri="/inference"), default=True)[
        1:
    ],
    "virtual-service-serverless-two-resources": lambda: services(
        resource(), resource(values={"id": samples.SECOND_ID}, podCount=3), mode="Serverless"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    require_golden(case, CASES[case]())


@pytest.mark.parametrize("case", CASES)
def test_strictly_valid(case: str) -> None:
    require_strictly_valid(CASES[case]())
