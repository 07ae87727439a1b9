"""The component; README.md says how to use it."""

from typing import NamedTuple

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def add_stage(
    endpoint: str,
    stage_name: str,
    model_id: str,
    flavor: str,
    node_count: int = 1,
    pod_count: int = 1,
    resource_path: str = "",
) -> NamedTuple("Outputs", stage_id=str, predict_url=str):  # pyright: ignore[reportInvalidTypeForm]
    """Adds a stage to an endpoint, with an address of its own, beside the default one. Waits until it answers.

    Args:
        endpoint: Name or id of the endpoint.
        stage_name: Name of the stage: small letters and digits.
        model_id: The model, as register_model returns it.
        flavor: Instance type, such as m2.c2m4.
        node_count: Number of instances.
        pod_count: Number of servers of the model.
        resource_path: Path of predictions below the stage's, such as /inference; /v1/models/{name}/predict if empty.

    Returns:
        stage_id: Id of the stage.
        predict_url: Where the stage takes predictions.
    """
    from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
    from kfp_components.easymaker.easymaker_api.serving import Deployment
    from kfp_components.easymaker.easymaker_api.serving import add_stage as add

    with EasyMakerApi.connect() as api:
        served = add(api, endpoint, stage_name, Deployment(model_id, flavor, node_count, pod_count, resource_path))
    return (served.stage_id, served.predict_url)  # pyright: ignore[reportReturnType]
