"""The component; README.md says how to use it."""

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def promote_stage(stage_id: str) -> str:
    """Makes a stage the default one of its endpoint, without a pause. The stage that was it is deleted.

    Args:
        stage_id: The stage, as add_stage returns it.

    Returns:
        Where the endpoint takes predictions, whichever its default stage is.
    """
    from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
    from kfp_components.easymaker.easymaker_api.serving import default_predict_url, promote

    with EasyMakerApi.connect() as api:
        return default_predict_url(api, promote(api, stage_id).endpoint_id)
