"""KFP components of EasyMaker: ``from kfp_components.easymaker import train``.

The launcher lives in this package too, in images without kfp: a component is loaded when it is first asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

    add_stage: BaseComponent
    batch_inference: BaseComponent
    delete_stage: BaseComponent
    deploy_endpoint: BaseComponent
    download: BaseComponent
    evaluate: BaseComponent
    promote_stage: BaseComponent
    register_model: BaseComponent
    train: BaseComponent
    tune: BaseComponent
    upload: BaseComponent

# Each is the component of this name in the module ``component`` of the package of this name.
__all__ = [
    "add_stage",
    "batch_inference",
    "delete_stage",
    "deploy_endpoint",
    "download",
    "evaluate",
    "promote_stage",
    "register_model",
    "train",
    "tune",
    "upload",
]
COMPONENTS = tuple(__all__)


class _Package(ModuleType):
    """A package in which ``train`` is the component, not the package ``train`` that the component is written in.

    Python sets a package's attribute to each subpackage that is imported, whoever imports it and when. Without this,
    what ``from kfp_components.easymaker import train`` gives would depend on what was imported before.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in COMPONENTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in COMPONENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    component = getattr(import_module(f"{__name__}.{name}.component"), name)
    globals()[name] = component
    return component


def __dir__() -> list[str]:
    return sorted({*globals(), *COMPONENTS})


sys.modules[__name__].__class__ = _Package
