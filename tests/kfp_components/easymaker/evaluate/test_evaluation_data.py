"""From files to an evaluation: formats, nested fields, labels as numbers, and mistakes told with their place."""

import json
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.evaluate.evaluation import Question, evaluate, evaluate_records
from kfp_components.easymaker.evaluate.records import DataInvalid, field_of, records
from kfp_components.easymaker.evaluate.report import markdown

CLASSES = Question("CLASSIFICATION", "kind")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.csv", "kind,prediction\na,a\nb,a\n"),
        ("data.jsonl", '{"kind": "a", "prediction": "a"}\n\n{"kind": "b", "prediction": "a"}\n'),
        ("data.json", '[{"kind": "a", "prediction": "a"}, {"kind": "b", "prediction": "a"}]'),
        ("artifact", '{"kind": "a", "prediction": "a"}\n{"kind": "b", "prediction": "a"}\n'),
        ("table", "\ufeffkind,prediction\na,a\nb,a\n"),
    ],
)
def test_every_format_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert evaluate(tmp_path / name, CLASSES).primary_value == 0.5
    assert evaluate(tmp_path, CLASSES).count == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"kind": 1, "prediction": 1}\n{"kind": \n', r"data.jsonl, line 2, is not JSON"),
        ('{"kind": 1, "prediction": 1}\n[1]\n', r"data.jsonl, line 2, is not a JSON object"),
        ('{"kind": 1, "prediction": 1}\n{"kind": 1}\n', r"record 2: there is no field 'prediction'"),
        ("", "no records"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "data.jsonl").write_text(text)
    with pytest.raises(DataInvalid, match=sentence):
        evaluate(tmp_path / "data.jsonl", CLASSES)


def test_a_missing_or_empty_artifact_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="no such file"):
        list(records(tmp_path / "absent"))
    with pytest.raises(DataInvalid, match="no file in it"):
        list(records(tmp_path))


def test_a_dot_leads_into_a_field_unless_there_is_one_of_that_name() -> None:
    assert field_of({"instance": {"kind": "a"}}, "instance.kind") == "a"
    assert field_of({"instance.kind": "b", "instance": {"kind": "a"}}, "instance.kind") == "b"


@pytest.mark.parametrize("prediction", [1, 1.0, "1", "dog", [1]])
def test_a_label_may_be_a_number_of_any_form(prediction: Any) -> None:
    """Models answer with the number of a class, people write its name."""
    question = Question("classification", "kind", class_names=["cat", "dog"])
    found = evaluate_records([{"kind": "dog", "prediction": prediction}], question)
    assert found.primary_value == 1.0


def test_numbers_without_names_are_labels_themselves() -> None:
    found = evaluate_records([{"kind": "2", "prediction": 2.0}, {"kind": 3, "prediction": "3"}], CLASSES)
    assert found.classification is not None
    assert found.classification.classes == ("2", "3")
    assert found.primary_value == 1.0


def test_a_regression_takes_texts_and_lists_of_one_number() -> None:
    question = Question("REGRESSION", "y", primary_metric="meanAbsoluteError")
    found = evaluate_records([{"y": "1", "prediction": [1.5]}, {"y": 2, "prediction": 2.5}], question)
    assert found.primary_value == 0.5
    with pytest.raises(DataInvalid, match="a number is needed"):
        evaluate_records([{"y": "one", "prediction": 1}], question)


def test_unknown_objectives_and_metrics_are_named() -> None:
    with pytest.raises(ValueError, match="neither CLASSIFICATION nor REGRESSION"):
        evaluate_records([], Question("RANKING", "y"))
    with pytest.raises(ValueError, match="no metric 'auRoc' for these data; there are accuracy"):
        evaluate_records([{"kind": 1, "prediction": 1}], Question("CLASSIFICATION", "kind", primary_metric="auRoc"))


def test_nothing_in_the_data_becomes_markup_of_the_report() -> None:
    found = evaluate_records([{"kind": "a|<b>\n# c", "prediction": "a|<b>\n# c"}], CLASSES)
    report = markdown(found)
    assert "\\<b\\> \\# c" in report
    assert "<b>" not in report
    assert json.dumps(report).count("\\n# ") == 0
