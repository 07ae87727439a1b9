"""A step's resources from an EasyMaker flavor, in one call."""

from collections.abc import Mapping

from kfp import kubernetes
from kfp.dsl import PipelineTask

from kfp_components.easymaker.authoring.flavors import Flavor, find_flavor


def use_flavor(
    task: PipelineTask, flavor: str | Flavor, node_selector: Mapping[str, str] | None = None
) -> PipelineTask:
    """Requests and limits of the whole instance less what it needs for itself; its GPUs, node labels and tolerations.

    ``node_selector`` adds labels, or replaces those that the catalogue has. Raises FlavorUnknown.
    """
    found = find_flavor(flavor) if isinstance(flavor, str) else flavor
    task.set_cpu_request(found.usable_cpu).set_cpu_limit(found.usable_cpu)
    task.set_memory_request(found.usable_memory).set_memory_limit(found.usable_memory)
    if found.gpus:
        task.set_accelerator_type(found.gpu_resource).set_accelerator_limit(found.gpus)
    for key, value in {**found.node_selector, **(node_selector or {})}.items():
        kubernetes.add_node_selector(task, key, value)
    for toleration in found.tolerations:
        kubernetes.add_toleration(
            task,
            key=toleration.get("key"),
            operator=toleration.get("operator"),
            value=toleration.get("value"),
            effect=toleration.get("effect"),
            toleration_seconds=toleration.get("tolerationSeconds"),
        )
    return task
