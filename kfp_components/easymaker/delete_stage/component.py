"""The component; README.md says how to use it."""

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def delete_stage(stage_id: str):
    """Deletes a stage and waits until it is gone. A stage that is not there counts as deleted.

    Args:
        stage_id: The stage, as add_stage returns it; not the default one.
    """
    from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
    from kfp_components.easymaker.easymaker_api.serving import delete_stage as delete

    with EasyMakerApi.connect() as api:
        delete(api, stage_id)
