"""The one validator of a test process: its schemas and rules stay loaded."""

import pytest

from tests.strict_schema.validator import Validator


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator.load()
