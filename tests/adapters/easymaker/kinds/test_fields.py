"""The limits of single fields: each exactly at its limit, and one beyond."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from adapters.easymaker.kinds import fields

LONGEST = [
    (fields.Name, 50),
    (fields.Description, 255),
    (fields.Id, 36),
    (fields.EntryPoint, 255),
    (fields.StageName, 30),
    (fields.ParameterName, 255),
    (fields.ParameterValue, 1000),
]


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("kind", "most"), LONGEST)
def test_longest_value(kind: Any, most: int) -> None:
    assert accepts(kind, "a" * most)
    assert not accepts(kind, "a" * (most + 1))


def test_lengths_count_characters_not_bytes() -> None:
    assert accepts(fields.Name, "𝔘" * 50)
    assert accepts(fields.Description, "한" * 255)


def test_longest_storage_uri() -> None:
    assert accepts(fields.StorageUri, "nas://data:/" + "a" * (255 - 12))
    assert not accepts(fields.StorageUri, "nas://data:/" + "a" * (256 - 12))


@pytest.mark.parametrize("scheme", ["s3", "http", "obs", "ftp"])
def test_storage_uris_hold_no_credentials(scheme: str) -> None:
    """A URI is stored and shown: a password in it would sit in the tables."""
    assert not accepts(fields.StorageUri, f"{scheme}://key:secret@bucket/v1/AUTH_a/c")
    assert not accepts(fields.StorageUri, f"{scheme}://token@bucket/v1/AUTH_a/c")
    assert accepts(fields.StorageUri, "s3://bucket/a@b")


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a\x00b", "a\x1b[31m", "\ud800", "a\x7f"])
def test_names_that_would_not_be_readable(name: str) -> None:
    assert not accepts(fields.Name, name)


@pytest.mark.parametrize("name", ["a b", "a/b", "../a", "a#b?c", "日本語", "🙂", "O'Reilly\"", "<script>", "%2e%2e"])
def test_names_that_are_only_names(name: str) -> None:
    """A name is never part of a path, a command or a page; only a model's name becomes part of a URL."""
    assert accepts(fields.Name, name)


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", " a"])
def test_model_names_become_part_of_a_url(name: str) -> None:
    assert not accepts(fields.ModelName, name)


@pytest.mark.parametrize("name", ["Green", "blue-green", "grün", "a_b", "", "a b", "a/b", "a\n", "１"])
def test_stage_names_are_lower_case_letters_and_digits(name: str) -> None:
    assert not accepts(fields.StageName, name)


def test_stage_names() -> None:
    assert accepts(fields.StageName, "blue2")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.py", "a/../../x.py", "a//b.py", "a\\b.py", "-c", ".", "", "a/"])
def test_entry_points_stay_inside_the_source(path: str) -> None:
    assert not accepts(fields.EntryPoint, path)


@pytest.mark.parametrize("path", ["train.py", "src/train.py", "a b.py", "train"])
def test_entry_points(path: str) -> None:
    assert accepts(fields.EntryPoint, path)


@pytest.mark.parametrize(
    ("given_value", "text"), [(1, "1"), (0.5, "0.5"), (True, "true"), (False, "false"), ("x", "x")]
)
def test_numbers_of_hyperparameters_become_text(given_value: object, text: str) -> None:
    assert TypeAdapter(fields.ParameterValue).validate_python(given_value) == text


@pytest.mark.parametrize("value", ["1", "0.5", "500m", "4096Mi", "2Gi", "1.125G"])
def test_quantities(value: str) -> None:
    assert accepts(fields.Quantity, value)


@pytest.mark.parametrize("value", ["", "-1", "1e3", "1 Gi", "0.0001", "Mi", "1mi", "9" * 21, "１"])
def test_no_quantities(value: str) -> None:
    assert not accepts(fields.Quantity, value)


@given(st.text(max_size=60))
def test_an_accepted_name_is_kept_as_it_is(name: str) -> None:
    """No normalisation behind the user's back: two different names stay different."""
    try:
        kept = TypeAdapter(fields.Name).validate_python(name)
    except ValidationError:
        return
    assert kept == name
