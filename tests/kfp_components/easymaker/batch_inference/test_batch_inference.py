"""Batches over a data set: every format, the order kept, failures told at their records and counted."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.batch_inference import requests
from kfp_components.easymaker.batch_inference.inference import (
    RESULT_FILE,
    Counts,
    Data,
    DataInvalid,
    InferenceFailed,
    Inputs,
    Options,
    run,
)
from tests.kfp_components.easymaker.answering_server import Answer, Request, answering


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_PAUSE", 0.001)


@pytest.fixture
def nas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What nas://vol:/ is."""
    for name in ("EM_API_URL", "EM_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EASYMAKER_NAS_ROOT", str(tmp_path / "nas"))
    (tmp_path / "nas/vol").mkdir(parents=True)
    return tmp_path / "nas/vol"


def doubled(request: Request) -> Answer:
    return 200, {"predictions": [2 * value for value in request.body["instances"]]}


def infer(
    answer: Callable[[Request], Answer], data: Data, result: Path, options: Options = Options(), output: str = ""
) -> tuple[Counts, list[Any], list[Request]]:
    with answering(answer) as server:
        counts = run(data, options, (server.url, ""), str(result), output)
    return counts, lines(result), server.requests


def lines(result: Path) -> list[Any]:
    return [json.loads(line) for line in result.read_text().splitlines()]


def test_every_record_is_predicted_in_order_whatever_the_order_of_the_answers(nas: Path, tmp_path: Path) -> None:
    (nas / "a.jsonl").write_text("".join(f"{number}\n" for number in range(7)))
    (nas / "b.json").write_text("[7, 8]")
    (nas / "sub").mkdir()
    (nas / "sub/c.json").write_text('{"instances": [9]}')
    later = threading.Event()

    def answer(request: Request) -> Answer:
        # The first batch is answered after the second.
        if request.body["instances"][0] == 0:
            later.wait(60)
        else:
            later.set()
        return doubled(request)

    options = Options(batch_size=3, parallel_requests=2)
    counts, found, asked = infer(answer, Data("nas://vol:/"), tmp_path / "out", options, "nas://vol:/results")
    assert found == [{"instance": number, "prediction": 2 * number} for number in range(10)]
    assert len(asked) == 4
    assert counts.metrics() == {
        "inputFileCount": 3, "inputDataCount": 10, "processCount": 10, "failCount": 0,
        "success2xxCount": 10, "fail4xxCount": 0, "fail5xxCount": 0,
    }  # fmt: skip
    assert lines(nas / "results" / RESULT_FILE) == found


def test_globs_choose_files_and_exclusion_wins(nas: Path, tmp_path: Path) -> None:
    for name in ("day1/a.jsonl", "day1/a.txt", "day2/a.jsonl", "day2/old.jsonl"):
        (nas / name).parent.mkdir(exist_ok=True)
        (nas / name).write_text("1\n")
    counts, _, _ = infer(doubled, Data("nas://vol:/", "", "*.jsonl", "old*"), tmp_path / "out")
    assert counts.files == 2
    counts, _, _ = infer(doubled, Data("nas://vol:/", "", "day2/*", ""), tmp_path / "out")
    assert counts.files == 2
    with pytest.raises(DataInvalid, match=r"4 file\(s\), of which the glob patterns leave none"):
        infer(doubled, Data("nas://vol:/", "", "*.csv"), tmp_path / "out")


@pytest.mark.parametrize(
    ("inputs", "instance"), [(Inputs("x"), [1, 2]), (Inputs("", ["y", "x"]), [3, [1, 2]]), (Inputs(), None)]
)
def test_the_model_gets_what_is_asked_for(nas: Path, tmp_path: Path, inputs: Inputs, instance: Any) -> None:
    record = {"x": [1, 2], "y": 3}
    (nas / "a.jsonl").write_text(json.dumps(record) + "\n")
    _, _, asked = infer(
        lambda request: (200, {"predictions": [0]}), Data("nas://vol:/a.jsonl"), tmp_path / "out", Options(inputs)
    )
    assert asked[0].body["instances"] == [instance if instance is not None else record]


def test_a_csv_of_an_earlier_step_is_read_with_its_numbers(nas: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("width,kind\n1.5,a\n")
    _, found, asked = infer(
        lambda request: (200, {"predictions": [0]}),
        Data("", str(tmp_path / "data.csv")),
        tmp_path / "out",
        Options(Inputs("", ["width", "kind"])),
    )
    assert asked[0].body["instances"] == [[1.5, "a"]]
    assert found == [{"instance": {"width": "1.5", "kind": "a"}, "prediction": 0}]


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(nas: Path, tmp_path: Path) -> None:
    (nas / "a.jsonl").write_text("1\n")
    answers: list[Answer] = [(503, "starting"), None, (200, {"predictions": [2]})]
    counts, _, asked = infer(lambda request: answers.pop(0), Data("nas://vol:/"), tmp_path / "out")
    assert (counts.processed, len(asked)) == (1, 3)
    refused = pytest.raises(InferenceFailed, match="HTTP 400: not like this")
    with answering(lambda request: (400, "not like this")) as server, refused:
        run(Data("nas://vol:/"), Options(), (server.url, ""), str(tmp_path / "out"))
    assert len(server.requests) == 1


def test_failures_are_told_at_their_records_and_borne_up_to_their_number(nas: Path, tmp_path: Path) -> None:
    (nas / "a.jsonl").write_text("1\n2\n3\n4\n")
    wrong: dict[int, Answer] = {1: (404, "no model"), 2: (500, "crashed"), 3: (200, {"predictions": []})}

    def answer(request: Request) -> Answer:
        return wrong.get(request.body["instances"][0]) or doubled(request)

    options = Options(batch_size=1, most_failures=3)
    counts, found, _ = infer(answer, Data("nas://vol:/"), tmp_path / "out", options)
    assert [list(each) for each in found] == [["instance", "error"]] * 3 + [["instance", "prediction"]]
    assert (counts.fail_4xx, counts.fail_5xx, counts.success_2xx) == (1, 1, 2)
    with pytest.raises(InferenceFailed, match=r"3 record\(s\) could not be predicted; the first: HTTP 404: no model"):
        infer(answer, Data("nas://vol:/"), tmp_path / "out", Options(batch_size=1, most_failures=2))
    assert len(lines(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.jsonl", "1\n{\n", "a.jsonl, line 2, is not JSON"),
        ("a.json", "{", "a.json is not JSON"),
        ("a.jsonl", '{"y": 1}\n', "has not all of the fields x"),
    ],
)
def test_data_that_cannot_be_read_are_told_with_their_place(
    nas: Path, tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    (nas / name).write_text(text)
    options = Options(Inputs("x") if "fields" in sentence else Inputs())
    with pytest.raises(DataInvalid, match=sentence):
        infer(doubled, Data("nas://vol:/"), tmp_path / "out", options)


def test_questions_are_read_no_faster_than_answers_come(nas: Path, tmp_path: Path) -> None:
    """A data set may be larger than the memory."""
    read: list[int] = []

    def questions():
        for number in range(50):
            read.append(number)
            yield requests.Question([number], [number])

    with answering(doubled) as server:
        client = requests.ModelServer(server.url, requests_protocol(), 30)
        answers = client.ask_all(questions(), 2)
        next(answers)
        assert len(read) <= 5
        assert len(list(answers)) == 49
        client.close()


def requests_protocol():
    from kfp_components.easymaker.batch_inference.protocols import V1

    return V1()
