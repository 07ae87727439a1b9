"""Look for the best hyperparameters, try the best model beside the one that is served, and let it take over.

Its endpoint has to be there: train_evaluate_deploy makes one.

    python -m kfp_components.easymaker.examples.tune_and_promote
    python -m kfp_components.easymaker.examples.tune_and_promote --compile tune_and_promote.yaml
"""

import sys
from typing import Any

from kfp import dsl

from kfp_components.easymaker import add_stage, batch_inference, evaluate, promote_stage, register_model, tune
from kfp_components.easymaker.authoring import mount_nas, use_easymaker, use_flavor
from kfp_components.easymaker.examples.running import Example, main
from kfp_components.easymaker.examples.train_evaluate_deploy import ENDPOINT, SPECIES


@dsl.pipeline(name="tune-and-promote", description="Tune, register, deploy to a new stage, try it, promote it.")
def tune_and_promote(
    storage_uri: str = "nas://examples:/iris",
    trials: int = 4,
    deploy: bool = True,
    endpoint_name: str = ENDPOINT,
    stage_name: str = "candidate",
    instance_type: str = "m2.c2m4",
    data_storage_gb: int = 300,
) -> float:
    tuned = tune(
        source_dir_uri=f"{storage_uri}/source",
        entry_point="train_iris.py",
        search_space={
            "C": {"type": "double", "min": 0.01, "max": 10.0},
            "max_iter": {"type": "discrete", "values": [100, 200]},
        },
        objective_metric="accuracy",
        algorithm="random",
        random_state=1,
        max_trials=trials,
        parallel_trials=2,
        model_upload_uri=f"{storage_uri}/models/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}",
        flavor=instance_type,
        data_storage_gb=data_storage_gb,
    )
    use_flavor(use_easymaker(tuned), "m2.c4m8")
    mount_nas(tuned, "examples")

    with dsl.If(deploy == True, name="wanted"):  # noqa: E712 - what KFP makes a condition of
        model = register_model(model_name="iris", model=tuned.outputs["best_model"], model_format="SKLEARN")
        stage = add_stage(endpoint=endpoint_name, stage_name=stage_name, model_id=model.output, flavor=instance_type)
        # A few records, at the new stage's own address: nobody else sees it yet.
        tried = batch_inference(
            predict_url=stage.outputs["predict_url"],
            data_uri=f"{storage_uri}/data/flowers.jsonl",
            instance_field="measures",
        )
        mount_nas(tried, "examples")
        judged = evaluate(
            predictions=tried.outputs["predictions"], target_field="instance.species", class_names=SPECIES
        )
        with dsl.If(judged.outputs["Output"] >= 0.8, name="as-good-as-it-should-be"):
            promoted = promote_stage(stage_id=stage.outputs["stage_id"])
            use_easymaker(promoted)
        use_easymaker(model)
        use_easymaker(stage)
    return tuned.outputs["best_value"]  # pyright: ignore[reportReturnType]


def _arguments(storage: str, has_api: bool) -> dict[str, Any]:
    """Without EasyMaker the tuning runs here, and there is nothing to deploy to."""
    return {"storage_uri": storage, "deploy": has_api}


if __name__ == "__main__":
    sys.exit(main(Example(tune_and_promote, _arguments)))
