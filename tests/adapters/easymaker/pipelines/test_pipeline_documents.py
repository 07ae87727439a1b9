"""Uploaded files: what kfp writes is read as kfp reads it, and what a hostile file holds costs and does nothing."""

import time
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.pipelines.documents import InvalidPipeline, Pipeline, load
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.parameters import parameters
from adapters.easymaker.pipelines.reading import read
from adapters.easymaker.pipelines.safe_yaml import Limits, read_documents
from adapters.easymaker.pipelines.support import unsupported
from adapters.easymaker.settings import Settings

SDK = EnvironmentSpec(name="official-sdk", requirements=("easymaker==2.1.5",))

HEAD = """schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
pipelineInfo: {name: one}
components: {}
deploymentSpec: {}
root: {}
"""


def refused(text: str | bytes) -> str:
    with pytest.raises(InvalidPipeline) as refusal:
        load(text)
    return str(refusal.value)


def test_every_compiled_pipeline_is_read_as_kfp_reads_it(compiled: dict[str, str]) -> None:
    for name, text in compiled.items():
        pipeline = load(text)
        documents = list(yaml.safe_load_all(text))
        assert pipeline.spec == documents[0]
        assert pipeline.platforms == (documents[1] if len(documents) == 2 else None)
        assert (pipeline.name, pipeline.sdk_version) == (name, "kfp-2.17.0")
        assert load(text.encode()) == pipeline


def test_the_sdk_s_own_sample_is_taken() -> None:
    python = Environments(Settings().cache_dir).ensure(SDK)
    [sample] = python.parents[1].glob(
        "lib/python*/site-packages/easymaker/sample/notebooks/pipeline/pipeline_sample.yaml"
    )
    pipeline = load(sample.read_bytes())
    assert (pipeline.name, pipeline.sdk_version) == ("tutorial-data-passing", "kfp-2.8.0")
    specification = read(pipeline)
    [message] = parameters(specification)
    assert (message.name, message.type, message.is_optional, message.default) == ("message", "STRING", True, "message")
    assert [node["id"] for node in graph(specification)["nodes"]] == ["preprocess", "train"]
    assert unsupported(pipeline) == []


def test_platform_settings_come_as_a_second_document(pipeline_named: Callable[[str], Pipeline]) -> None:
    platforms = pipeline_named("platform").platforms
    assert platforms is not None
    assert "exec-note" in platforms["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: {}", "Argo Workflow, which KFP 1 compiled to"),
        ("apiVersion: tekton.dev/v1\nkind: PipelineRun", "Tekton PipelineRun"),
        ("apiVersion: pipelines.kubeflow.org/v2beta1\nkind: PipelineVersion", "without kubernetes_manifest_format"),
        ("apiVersion: v1\nkind: Pod", "an object of kind Pod v1"),
        ("pipelineSpec: {}\nruntimeConfig: {}", "PipelineJob as kfp 1.8 wrote it"),
        ("name: x\nimplementation: {container: {image: i}}", "a component of KFP 1"),
        ("platforms: {}", "the pipeline must come first"),
        ("", "the file is empty"),
        ("[]", "the first document is not a pipeline"),
        ("just text", "the first document is not a pipeline"),
        ("a: 1", "schemaVersion is missing"),
        (HEAD.replace("2.1.0", "3.0.0"), "schemaVersion '3.0.0' is not known"),
        (HEAD.replace("2.1.0", "2.1"), "schemaVersion '2.1' is not known"),
        (HEAD.replace("root: {}\n", ""), "root is missing"),
        (HEAD + "---\n[]", "the second document must hold platform settings"),
        (HEAD + "---\nplatforms: {}\nother: 1", "unknown field 'other'"),
        (HEAD + "---\nplatforms: {}\n---\n{}", "more than 2 YAML documents"),
    ],
)
def test_what_is_no_pipeline_is_refused_with_advice(text: str, advice: str) -> None:
    assert advice in refused(text)


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "A", "a_b", "a b", "-a", "a-", "", "x" * 129, "é", "a\\n"])
def test_names_that_would_be_no_directory_or_label_are_refused(name: str) -> None:
    assert "pipelineInfo.name" in refused(HEAD.replace("{name: one}", f'{{name: "{name}"}}'))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x 1", "anchors and aliases"),
        ("a: *x", "anchors and aliases"),
        ("a: &a [x]\nb: [*a, *a]", "anchors and aliases"),
        ("&k a: 1", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [id]", "tags are not allowed"),
        ("!!map {a: 1}", "tags are not allowed"),
        ("a: !x 1", "tags are not allowed"),
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice"),
        ("1: a", "must be text"),
        ("yes: a", "must be text"),
        ("null: a", "must be text"),
        ("? [a]\n: b", "a key must be text"),
        ("<<: {a: 1}", "merge keys"),
        ("a: .nan", "not finite"),
        ("a: -.inf", "not finite"),
        ("a: 1.0e+999", "not finite"),
        ("a: 9223372036854775808", "64 bits"),
        ("a: " + "9" * 100_000, "64 bits"),
        ("a: 0x" + "f" * 100_000, "64 bits"),
        ('a: "\\0"', "NUL"),
        ("a: [", "not valid YAML: line 2"),
        ("a: b: c", "not valid YAML: line 1"),
        ("[" * 100_000, "nested deeper than 64 levels"),
        ("- " * 100_000, "nested deeper than 64 levels"),
        ("{a: " * 100_000, "nested deeper than 64 levels"),
        ("[" + "1," * 150_000 + "]", "more than 100000 values"),
        ("a" * 2_000 + ": 1", ""),
        (" " * (1024 * 1024 + 1), "larger than"),
        ("é" * (512 * 1024 + 1), "larger than"),
    ],
    ids=range(29),
)
def test_hostile_yaml_is_refused(text: str, reason: str) -> None:
    assert reason in refused(text)


@pytest.mark.parametrize("raw", [b"\xff\xfea", b"a: \x80", "a: é".encode("latin-1"), b"a: \x00", b"a: \x07"])
def test_what_is_no_text_is_refused(raw: bytes) -> None:
    refused(raw)


def test_a_billion_laughs_cost_nothing() -> None:
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    before = time.process_time()
    assert "anchors" in refused(laughs)
    assert time.process_time() - before < 5, "an expansion would take hours"


def test_half_a_surrogate_pair_is_refused() -> None:
    refused('a: "\\ud800"')
    with pytest.raises(InvalidPipeline, match="UTF-8"):
        load("a: \ud800")


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u2028\u2029\ufeff")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(st.characters(categories=["L", "N"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters(categories=["L", "N"]), max_size=5), json_values, max_size=4))
def test_whatever_kfp_s_dumper_writes_comes_back(value: object) -> None:
    text = yaml.safe_dump(value, sort_keys=True, allow_unicode=True)
    assert read_documents(text) == [yaml.safe_load(text)]


@given(st.one_of(st.text(max_size=60), st.text(st.sampled_from("a:-[]{}&*!|>%@`'\"#?, \n\t0x1.e~"), max_size=60)))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but InvalidPipeline comes out, and what is read is plain."""
    try:
        documents = read_documents(text, Limits(size=1_000))
    except InvalidPipeline as refusal:
        assert refusal.problems
        return
    assert_plain(documents)


def assert_plain(value: object) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            assert type(key) is str
            assert_plain(item)
    elif isinstance(value, list):
        for item in value:
            assert_plain(item)
    else:
        assert value is None or type(value) in (str, int, float, bool)


def test_a_date_stays_text_and_numbers_are_as_kfp_s_loader_has_them() -> None:
    assert read_documents("[2024-01-02, 0o17, 017, 0x1f, 1_000, 1e3, 1.5e+3, yes, 'yes', ~, '', 12:30]") == [
        ["2024-01-02", "0o17", 15, 31, 1000, "1e3", 1500.0, True, "yes", None, "", 750]
    ]
