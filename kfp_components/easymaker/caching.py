"""Steps that KFP must not skip because it has seen the same inputs before: what they do, or read, is outside of it."""

from typing import Any

from kfp.dsl import PipelineTask, pipeline_context
from kfp.dsl.python_component import PythonComponent


class _NeverCached(PythonComponent):
    def __call__(self, *args: Any, **kwargs: Any) -> PipelineTask:
        task = super().__call__(*args, **kwargs)
        # Outside of a pipeline it has run already.
        if pipeline_context.Pipeline.get_default_pipeline() is not None:
            task.set_caching_options(False)
        return task


def never_cached(component: Any) -> PythonComponent:
    """For what ``dsl.component`` made: its tasks run each time, unless a pipeline calls ``set_caching_options(True)``.

    A nightly prediction has the same inputs every night, and a deployment the same as before somebody undid it.
    """
    component.__class__ = _NeverCached
    return component
