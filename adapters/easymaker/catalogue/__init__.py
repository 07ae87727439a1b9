"""What teams may choose from: flavors, images, algorithms, model presets. An operator edits the file."""

from adapters.easymaker.catalogue.entries import (
    Algorithm,
    Catalogue,
    CatalogueError,
    Flavor,
    HyperparameterSpec,
    Image,
    ModelPreset,
    ParameterSpec,
    load,
)

__all__ = [
    "Algorithm",
    "Catalogue",
    "CatalogueError",
    "Flavor",
    "HyperparameterSpec",
    "Image",
    "ModelPreset",
    "ParameterSpec",
    "load",
]
