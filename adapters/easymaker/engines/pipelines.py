"""What both engines know about a pipeline without asking anybody: its graph and its document."""

from collections.abc import Mapping
from typing import Any

from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Json
from adapters.easymaker.pipelines.graph import graph
from adapters.easymaker.pipelines.reading import read


def pipeline_report(path: str, family: Family) -> Json:
    """The report that the kind declares at ``path``."""
    pipeline = stored(family.record.spec)
    if path == "manifest":
        return {"pipelineSpec": pipeline.spec, "platformSpec": pipeline.platforms}
    return graph(read(pipeline))


class PipelineReports:
    """Of drivers of pipelines."""

    def report(self, path: str, family: Family, query: Mapping[str, str]) -> Any:
        return pipeline_report(path, family)
