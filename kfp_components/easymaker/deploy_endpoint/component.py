"""The component; README.md says how to use it."""

from typing import NamedTuple

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def deploy_endpoint(
    endpoint_name: str,
    model_id: str,
    flavor: str,
    node_count: int = 1,
    pod_count: int = 1,
    resource_path: str = "",
    replace: bool = True,
) -> NamedTuple("Outputs", endpoint_id=str, stage_id=str, predict_url=str):  # pyright: ignore[reportInvalidTypeForm]
    """Serves a model at an endpoint, which is made if there is none of this name. Waits until it answers.

    Args:
        endpoint_name: Name of the endpoint; the same name is the same endpoint.
        model_id: The model, as register_model returns it.
        flavor: Instance type, such as m2.c2m4.
        node_count: Number of instances.
        pod_count: Number of servers of the model.
        resource_path: Path of predictions below the stage's, such as /inference; /v1/models/{name}/predict if empty.
        replace: Whether an endpoint that serves another model takes this one instead, without a pause.

    Returns:
        endpoint_id: Id of the endpoint.
        stage_id: Id of its default stage.
        predict_url: Where the stage takes predictions.
    """
    from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
    from kfp_components.easymaker.easymaker_api.serving import Deployment, deploy

    with EasyMakerApi.connect() as api:
        deployment = Deployment(model_id, flavor, node_count, pod_count, resource_path)
        served = deploy(api, endpoint_name, deployment, replace=replace)
    return (served.endpoint_id, served.stage_id, served.predict_url)  # pyright: ignore[reportReturnType]
