"""The message classes that are checked in are those of api.proto."""

from pathlib import Path

import pytest

from katib_suggestions.rpc import regenerate
from katib_suggestions.rpc.services import DB_MANAGER, EARLY_STOPPING, SUGGESTION, methods


def test_regenerating_changes_nothing(tmp_path: Path) -> None:
    regenerate.generate(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(regenerate.GENERATED)
    for name in regenerate.GENERATED:
        current = (regenerate.HERE / name).read_text("utf-8")
        assert current == (tmp_path / name).read_text("utf-8"), "run `python -m katib_suggestions.rpc.regenerate`"


@pytest.mark.parametrize(
    ("service", "names"),
    [
        (SUGGESTION, {"GetSuggestions", "ValidateAlgorithmSettings"}),
        (EARLY_STOPPING, {"GetEarlyStoppingRules", "SetTrialStatus", "ValidateEarlyStoppingSettings"}),
        (DB_MANAGER, {"ReportObservationLog", "GetObservationLog", "DeleteObservationLog"}),
    ],
)
def test_every_method_has_its_path_and_its_messages(service: str, names: set[str]) -> None:
    found = methods(service)
    assert set(found) == names
    for name, method in found.items():
        assert method.path == f"/{service}/{name}"
        assert method.request.DESCRIPTOR.name == f"{name}Request"
        assert method.reply.DESCRIPTOR.name == f"{name}Reply"
