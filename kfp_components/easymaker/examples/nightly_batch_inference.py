"""Predict for all data of the day, and compare with what turned out to be true. To be run every night.

    python -m kfp_components.easymaker.examples.nightly_batch_inference
    python -m kfp_components.easymaker.examples.nightly_batch_inference --compile nightly_batch_inference.yaml

Every night at two, with the official SDK, once the compiled file is uploaded:

    easymaker.PipelineRecurringRun().create(..., schedule_cron_expression="0 0 2 * * *")
"""

import sys
from typing import Any

from kfp import dsl

from kfp_components.easymaker import batch_inference, evaluate
from kfp_components.easymaker.authoring import mount_nas, retry_on_preemption, use_easymaker
from kfp_components.easymaker.examples.running import Example, main
from kfp_components.easymaker.examples.train_evaluate_deploy import ENDPOINT, SPECIES


@dsl.pipeline(name="nightly-batch-inference", description="Predict for a day's data with a model that is served.")
def nightly_batch_inference(
    storage_uri: str = "nas://examples:/iris",
    endpoint_name: str = ENDPOINT,
    predict_url: str = "",
) -> float:
    predicted = batch_inference(
        endpoint=endpoint_name,
        predict_url=predict_url,
        data_uri=f"{storage_uri}/data",
        include_glob="*.jsonl",
        instance_field="measures",
        batch_size=4,
        parallel_requests=2,
        output_uri=f"{storage_uri}/predictions/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}",
    )
    retry_on_preemption(use_easymaker(predicted))
    mount_nas(predicted, "examples")
    judged = evaluate(
        predictions=predicted.outputs["predictions"], target_field="instance.species", class_names=SPECIES
    )
    return judged.outputs["Output"]  # pyright: ignore[reportReturnType]


def _arguments(storage: str, has_api: bool) -> dict[str, Any]:
    return {"storage_uri": storage}


if __name__ == "__main__":
    sys.exit(main(Example(nightly_batch_inference, _arguments, needs_api=True)))
