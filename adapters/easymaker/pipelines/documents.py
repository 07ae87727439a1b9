"""An uploaded pipeline file: one YAML document with the pipeline, or two, the second with settings of a platform.

What is not KFP's own format is refused with advice on how to get there, because people have files of several ages.
"""

import re
from dataclasses import dataclass

from adapters.easymaker.pipelines.problems import InvalidPipeline
from adapters.easymaker.pipelines.safe_yaml import DEFAULT_LIMITS, Json, Limits, mapping, read_documents

__all__ = ["InvalidPipeline", "Pipeline", "load"]

SIZE_LIMIT = DEFAULT_LIMITS.size

# kfp 2.0 to 2.17 write 2.1.0; the betas before it wrote 2.0.0.
_SCHEMA = re.compile(r"2\.[01]\.\d{1,3}", re.ASCII)
# What kfp's compiler makes of a pipeline's name, and what Kubeflow can name its objects with.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,126}[a-z0-9])?", re.ASCII)
_COMPILE = "compile it with kfp 2: kfp.compiler.Compiler().compile(my_pipeline, 'pipeline.yaml')"
_PLATFORM_FIELDS = {"platforms"}


@dataclass(frozen=True)
class Pipeline:
    """``spec`` and ``platforms`` are the two documents as they came; the first holds ``name`` and ``sdk_version``."""

    spec: dict[str, Json]
    platforms: dict[str, Json] | None
    name: str
    sdk_version: str


def load(text: str | bytes, limit: int = SIZE_LIMIT) -> Pipeline:
    """The pipeline in ``text``, or InvalidPipeline with every reason that could be found."""
    documents = read_documents(text, Limits(size=limit))
    if not documents:
        raise InvalidPipeline(["the file is empty"])
    first = mapping(documents[0])
    if first is None:
        raise InvalidPipeline(["the first document is not a pipeline: it must be a mapping with pipelineInfo, root, …"])
    if advice := _other_format(first):
        raise InvalidPipeline([advice])
    problems = [*_header_problems(first)]
    platforms = documents[1] if len(documents) == 2 else None
    problems += _platform_problems(platforms)
    if problems:
        raise InvalidPipeline(problems)
    return Pipeline(first, platforms or None, first["pipelineInfo"]["name"], str(first.get("sdkVersion", "")))


def _other_format(document: dict[str, Json]) -> str | None:
    """Advice for a file of another age or kind, which would otherwise only miss a dozen fields."""
    kind, api = str(document.get("kind", "")), str(document.get("apiVersion", ""))
    if api.startswith("argoproj.io/"):
        return f"this is an Argo {kind or 'object'}, which KFP 1 compiled to, not a KFP 2 pipeline: {_COMPILE}"
    if api.startswith("tekton.dev/"):
        return f"this is a Tekton {kind or 'object'}, not a KFP 2 pipeline: {_COMPILE}"
    if api.startswith("pipelines.kubeflow.org/"):
        return f"this is a Kubernetes manifest of kind {kind}: compile the pipeline without kubernetes_manifest_format"
    if kind or api:
        return f"this is an object of kind {kind} {api}, not a KFP 2 pipeline: {_COMPILE}"
    if "pipelineSpec" in document:
        return f"this is a PipelineJob as kfp 1.8 wrote it, not a KFP 2 pipeline: {_COMPILE}"
    if "implementation" in document:
        return f"this is a component of KFP 1, not a pipeline: use it in a pipeline and {_COMPILE}"
    if "platforms" in document and "root" not in document:
        return "the first document holds platform settings: the pipeline must come first, the settings second"
    return None


def _header_problems(document: dict[str, Json]) -> list[str]:
    problems: list[str] = []
    version = document.get("schemaVersion")
    if version is None:
        problems.append(f"schemaVersion is missing: is this a compiled pipeline? If not, {_COMPILE}")
    elif not isinstance(version, str) or not _SCHEMA.fullmatch(version):
        problems.append(f"schemaVersion {str(version)[:40]!r} is not known: 2.0.x and 2.1.x are")
    if not isinstance(document.get("sdkVersion", ""), str):
        problems.append("sdkVersion must be text")
    info = mapping(document.get("pipelineInfo"))
    name: Json = info.get("name") if info is not None else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = "is missing" if name is None else f"{str(name)[:140]!r} is not allowed"
        problems.append(f"pipelineInfo.name {shown}: up to 128 lower-case letters, digits and '-', no '-' at the ends")
    problems += [f"{field} is missing" for field in ("root", "components", "deploymentSpec") if field not in document]
    return problems


def _platform_problems(given: Json) -> list[str]:
    if given is None:
        return []
    document = mapping(given)
    if document is None or mapping(document.get("platforms")) is None:
        return ["the second document must hold platform settings: a mapping 'platforms'"]
    return [f"the second document: unknown field {key!r}" for key in sorted(set(document) - _PLATFORM_FIELDS)]
