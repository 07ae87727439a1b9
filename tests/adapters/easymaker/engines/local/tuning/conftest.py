"""A home with the parts that tunings need; each test that breaks something has one of its own."""

from collections.abc import Iterator

import pytest

from tests.adapters.easymaker.engines.local.tuning.tuning_world import TuningWorld, tuning_world


@pytest.fixture
def world() -> Iterator[TuningWorld]:
    """Its script prints losses, best at x=0.3, and ends well."""
    with tuning_world() as made:
        made.script()
        yield made
