"""EM_* variables for steps: how they reach EasyMaker, and of which run what they create is a part."""

from collections.abc import Iterable

from kfp import kubernetes
from kfp.dsl import PipelineTask

# Keys of the config map, which are the variables' names.
CONFIG = ("EM_API_URL", "EM_APPKEY", "EM_REGION")
# The backend of Kubeflow Pipelines puts it on every pod of a run.
RUN_ID_LABEL = "metadata.labels['pipeline/runid']"


def use_easymaker(
    task: PipelineTask,
    config_map: str = "easymaker",
    token_secret: str = "easymaker-token",  # noqa: S107 - the name of a Secret
    more: Iterable[str] = (),
) -> PipelineTask:
    """Address and appkey from a ConfigMap of the namespace, the token from the key ``token`` of a Secret.

    ``more`` are further keys of the ConfigMap, such as EASYMAKER_OBS_URI. Values of the environment, not of the
    pipeline: the same compiled file runs in another namespace, and on one machine, where variables are simply set.
    What the step creates carries the run's id and the task's name.
    """
    names = {name: name for name in (*CONFIG, *more)}
    kubernetes.use_config_map_as_env(task, config_map_name=config_map, config_map_key_to_env=names)
    kubernetes.use_secret_as_env(task, secret_name=token_secret, secret_key_to_env={"token": "EM_TOKEN"})
    kubernetes.use_field_path_as_env(task, env_name="EM_PIPELINE_RUN_ID", field_path=RUN_ID_LABEL)
    return task.set_env_variable("EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME", task.name)
