"""Train a model, look how good it is, and serve it if it is good enough.

python -m kfp_components.easymaker.examples.train_evaluate_deploy
python -m kfp_components.easymaker.examples.train_evaluate_deploy --compile train_evaluate_deploy.yaml
"""

import sys
from typing import Any

from kfp import dsl

from kfp_components.easymaker import deploy_endpoint, evaluate, register_model, train
from kfp_components.easymaker.authoring import mount_nas, retry_on_preemption, use_easymaker, use_flavor
from kfp_components.easymaker.examples.running import Example, main

SPECIES = ["setosa", "versicolor", "virginica"]
ENDPOINT = "iris-example"


@dsl.pipeline(name="train-evaluate-deploy", description="Train, evaluate, and deploy if the accuracy is good enough.")
def train_evaluate_deploy(
    storage_uri: str = "nas://examples:/iris",
    regularisation: float = 1.0,
    accuracy_needed: float = 0.9,
    deploy: bool = True,
    endpoint_name: str = ENDPOINT,
    instance_type: str = "m2.c2m4",
) -> float:
    trained = train(
        source_dir_uri=f"{storage_uri}/source",
        entry_point="train_iris.py",
        hyperparameters={"C": regularisation},
        # One directory per run: a model that is served must not change.
        model_upload_uri=f"{storage_uri}/models/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}",
        metric_names=["accuracy"],
    )
    use_flavor(trained, "m2.c4m8")
    retry_on_preemption(trained)
    mount_nas(trained, "examples")

    judged = evaluate(
        predictions=trained.outputs["model"],
        file="predictions.jsonl",
        target_field="species",
        probabilities_field="chances",
        class_names=SPECIES,
    )

    good_enough = judged.outputs["Output"] >= accuracy_needed
    # KFP makes a condition of ==.
    with dsl.If(deploy == True, name="wanted"), dsl.If(good_enough, name="good-enough"):  # noqa: E712
        model = register_model(
            model_name="iris", model=trained.outputs["model"], model_format="SKLEARN", description="an example"
        )
        served = deploy_endpoint(endpoint_name=endpoint_name, model_id=model.output, flavor=instance_type)
        use_easymaker(model)
        use_easymaker(served)
    return judged.outputs["Output"]  # pyright: ignore[reportReturnType]


def _arguments(storage: str, has_api: bool) -> dict[str, Any]:
    """Without EasyMaker there is nothing to deploy to."""
    return {"storage_uri": storage, "deploy": has_api}


if __name__ == "__main__":
    sys.exit(main(Example(train_evaluate_deploy, _arguments)))
