"""The component; README.md says how to use it."""

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def register_model(
    model_name: str,
    model: dsl.Input[dsl.Model] = None,  # pyright: ignore[reportArgumentType]
    model_format: str = "",
    model_uri: str = "",
    training_id: str = "",
    tuning_id: str = "",
    parameters: dict = {},  # noqa: B006
    description: str = "",
) -> str:
    """Registers a model with EasyMaker, from where it can be served. Waits until it is ACTIVE.

    Give one of: model, model_uri, training_id, tuning_id.

    Args:
        model_name: Name of the model.
        model: A model of an earlier step. One that train has uploaded is registered where it lies; any other one is
            uploaded to model_uri first.
        model_format: TENSORFLOW, PYTORCH, SKLEARN, HUGGING_FACE or TRITON; known of a training or a tuning.
        model_uri: Directory of the model, obs:// or nas://.
        training_id: The training that made it.
        tuning_id: The tuning whose best model it is.
        parameters: Parameters of the model, name to value, such as model_id of HUGGING_FACE.
        description: What people should know of it.

    Returns:
        Id of the model.
    """
    from kfp_components.easymaker.register_model.registration import Registration, register

    return register(
        Registration(model_name, model_format, model_uri, training_id, tuning_id, parameters, description), model
    )
