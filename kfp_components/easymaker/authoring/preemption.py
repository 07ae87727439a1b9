"""Steps on nodes that may be taken away."""

from kfp.dsl import PipelineTask


def retry_on_preemption(task: PipelineTask, retries: int = 5, first_pause_seconds: int = 60) -> PipelineTask:
    """Run the step again after its node was taken away, ever more slowly, ten minutes apart at most.

    KFP 2.17 repeats a step whose container failed, for whatever reason: it cannot tell preemption from a mistake in a
    program, so a mistake is repeated too. A pod that vanishes without any end (a node that dies) is repeated only
    where the cluster's workflow controller has a retryPolicy of Always as its default. ``train`` and ``tune`` make an
    end of a preemption: on SIGTERM they upload checkpoints and fail. With ``resume`` and a checkpoint_upload_uri,
    ``train`` goes on from there.
    """
    return task.set_retry(
        num_retries=retries,
        backoff_duration=f"{first_pause_seconds}s",
        backoff_factor=2.0,
        backoff_max_duration="600s",
    )
