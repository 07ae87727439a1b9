"""What a pipeline's caller must give: types, defaults and absence as declared, and every wrong value told at once."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.pipelines.parameters import (
    InvalidParameters,
    Parameter,
    check,
    parameters,
    text_of,
    typed,
    with_defaults,
)
from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.specification import Specification

Named = Callable[[str], Specification]


def test_all_types_with_their_defaults(specification_named: Named) -> None:
    declared = {each.name: each for each in parameters(specification_named("typed"))}
    assert {name: (each.type, each.is_optional, each.default_text) for name, each in declared.items()} == {
        "text": ("STRING", False, None),
        "number": ("NUMBER_INTEGER", True, "3"),
        "ratio": ("NUMBER_DOUBLE", True, "0.5"),
        "yes": ("BOOLEAN", True, "true"),
        "items": ("LIST", True, '["a"]'),
        "mapping": ("STRUCT", True, '{"a": 1.0}'),
        "absent": ("STRING", True, None),
    }
    assert declared["text"].description == "What to say."
    assert declared["number"].default == 3
    assert type(declared["number"].default) is int, "the IR holds 3.0"


def test_text_from_a_console_and_json_become_the_declared_types(specification_named: Named) -> None:
    declared = parameters(specification_named("typed"))
    as_text = {
        "text": "it's",
        "number": " -7 ",
        "ratio": "1e-3",
        "yes": "True",
        "items": "[1]",
        "mapping": '{"k": null}',
    }
    values = check(declared, as_text)
    assert values == {"text": "it's", "number": -7, "ratio": 0.001, "yes": True, "items": [1], "mapping": {"k": None}}
    assert check(declared, values) == values
    assert with_defaults(declared, check(declared, {"text": "x", "number": 5.0})) == {
        "text": "x", "number": 5, "ratio": 0.5, "yes": True, "items": ["a"], "mapping": {"a": 1}, "absent": None,
    }  # fmt: skip


def test_every_wrong_value_is_told_at_once(specification_named: Named) -> None:
    declared = parameters(specification_named("typed"))
    wrong = {"number": "1.5", "ratio": "nan", "yes": "perhaps", "items": "{}", "mapping": "[", "typo": 1}
    with pytest.raises(InvalidParameters) as refusal:
        check(declared, wrong)
    assert sorted(refusal.value.problems) == sorted(
        (
            "the pipeline has no parameter 'typo'",
            "parameter text (STRING) must be given: it has no default",
            "parameter number: must be a whole number of 64 bits, not '1.5'",
            "parameter ratio: must be a finite number, not 'nan'",
            "parameter yes: must be true or false, not 'perhaps'",
            "parameter items: must be a JSON array, not '{}'",
            "parameter mapping: must be a JSON object: line 1, column 2: Expecting value",
        )
    )


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("STRING", 1),
        ("STRING", None),
        ("STRING", "\0"),
        ("STRING", "\ud800"),
        ("STRING", "x" * 300_000),
        ("NUMBER_INTEGER", True),
        ("NUMBER_INTEGER", 1.5),
        ("NUMBER_INTEGER", math.inf),
        ("NUMBER_INTEGER", 2**63),
        ("NUMBER_INTEGER", "9" * 19),
        ("NUMBER_INTEGER", "9" * 200_000),
        ("NUMBER_INTEGER", "1_000"),
        ("NUMBER_INTEGER", "٣"),
        ("NUMBER_INTEGER", "0x10"),
        ("NUMBER_INTEGER", ""),
        ("NUMBER_DOUBLE", False),
        ("NUMBER_DOUBLE", "inf"),
        ("NUMBER_DOUBLE", "1e999"),
        ("NUMBER_DOUBLE", 10**400),
        ("NUMBER_DOUBLE", math.nan),
        ("NUMBER_DOUBLE", "1_0.0"),
        ("NUMBER_DOUBLE", "."),
        ("BOOLEAN", 1),
        ("BOOLEAN", "yes"),
        ("BOOLEAN", ""),
        ("LIST", "1"),
        ("LIST", {}),
        ("LIST", "[NaN]"),
        ("LIST", "[1e999]"),
        ("LIST", "[" * 100_000),
        ("LIST", "[" * 70 + "]" * 70),
        ("LIST", '["\\u0000"]'),
        ("STRUCT", '{"a": 1, "a": 2}'),
        ("STRUCT", "__import__('os')"),
        ("STRUCT", [("a", 1)]),
    ],
    ids=range(35),
)
def test_what_is_not_of_the_type_is_refused(kind: str, given: Any) -> None:
    with pytest.raises(ValueError, match=r"must|longer|deeper|twice"):
        typed(kind, given)


@given(
    st.one_of(
        st.tuples(st.just("STRING"), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
        st.tuples(st.just("NUMBER_INTEGER"), st.integers(-(2**63), 2**63 - 1)),
        st.tuples(st.just("NUMBER_DOUBLE"), st.floats(allow_nan=False, allow_infinity=False)),
        st.tuples(st.just("BOOLEAN"), st.booleans()),
        st.tuples(st.just("LIST"), st.lists(st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.just("é")))),
        st.tuples(
            st.just("STRUCT"), st.dictionaries(st.text(st.characters(categories=["L"])), st.lists(st.booleans()))
        ),
    )
)
def test_what_is_shown_reads_back(case: tuple[str, Any]) -> None:
    kind, value = case
    assert typed(kind, text_of(value)) == typed(kind, value) == value
    assert json.dumps(typed(kind, text_of(value))) == json.dumps(value)


def test_declared_choices_are_kept() -> None:
    choice = Parameter("size", "STRING", False, False, None, literals=("small", "large"))
    assert check([choice], {"size": "small"}) == {"size": "small"}
    with pytest.raises(InvalidParameters, match="must be one of small, large"):
        check([choice], {"size": "huge"})
    number = Parameter("n", "NUMBER_INTEGER", False, False, None, literals=(1.0, 2.0))
    assert check([number], {"n": "2"}) == {"n": 2}


def test_what_no_caller_can_give_is_refused_at_upload(specification_named: Named) -> None:
    with pytest.raises(InvalidPipeline, match=r"artifacts\.data: a pipeline's caller cannot give artifacts"):
        parameters(specification_named("artifact-input"))
