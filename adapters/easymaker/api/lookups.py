"""What a team may choose from: the catalogue's entries, in the shape that the SDK reads."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import QueryParams

from adapters.easymaker.access import Verb
from adapters.easymaker.api.envelope import success
from adapters.easymaker.api.openapi import lookup
from adapters.easymaker.api.routes import PREFIX
from adapters.easymaker.api.rules import GuardedRoute, access
from adapters.easymaker.catalogue import Algorithm, Catalogue, Flavor
from adapters.easymaker.kinds.training_settings import present_image

router = APIRouter(prefix=PREFIX, route_class=GuardedRoute, tags=["Look-ups"])


def _catalogue(request: Request) -> Catalogue:
    return request.app.state.catalogue


def _wire(entry: Any, *leave_out: str) -> dict[str, Any]:
    return entry.model_dump(by_alias=True, mode="json", exclude=set(leave_out))


def _offered(flavor: Flavor, query: QueryParams) -> bool:
    group = query.get("groupType")
    return not group or not flavor.groups or group in flavor.groups


@router.get("/flavors", **lookup("flavors", "flavorList", "Instance types"))
@access("flavors", Verb.LIST)
def flavors(request: Request, appkey: str) -> Response:
    offered = [f for f in _catalogue(request).flavors if _offered(f, request.query_params)]
    return success({"flavorList": [_wire(f, "groups") for f in offered]})


@router.get("/images", **lookup("images", "imageList", "Images of notebooks and trainings"))
@access("images", Verb.LIST)
def images(request: Request, appkey: str) -> Response:
    wanted = request.query_params.getlist("groupTypeCodeList")
    found = [i for i in _catalogue(request).images if not wanted or i.group_type in wanted]
    return success({"imageList": [present_image(i) for i in found]})


@router.get("/algorithms", **lookup("algorithms", "algorithmList", "Algorithms that the platform provides"))
@access("algorithms", Verb.LIST)
def algorithms(request: Request, appkey: str) -> Response:
    catalogue = _catalogue(request)
    return success({"algorithmList": [_algorithm(a, catalogue) for a in catalogue.algorithms]})


def _algorithm(algorithm: Algorithm, catalogue: Catalogue) -> dict[str, Any]:
    images_by_name = catalogue.images_by_name
    shown = _wire(algorithm, "cpu_training_image", "gpu_training_image", "source_dir_uri", "entry_point")
    for key, name in (
        ("cpuTrainingImageId", algorithm.cpu_training_image),
        ("gpuTrainingImageId", algorithm.gpu_training_image),
    ):
        shown[key] = images_by_name[name].image_id if name else None
    return shown


@router.get("/model-presets", **lookup("model-presets", "modelPresetList", "Models that can be deployed or tuned"))
@access("model-presets", Verb.LIST)
def model_presets(request: Request, appkey: str) -> Response:
    scope = request.query_params.get("exposureScopeCode")
    name = request.query_params.get("modelPresetName")
    found = [
        preset
        for preset in sorted(_catalogue(request).model_presets, key=lambda p: p.exposure_order)
        if scope in (None, preset.exposure_scope_code) and name in (None, preset.model_preset_name)
    ]
    return success({"modelPresetList": [_wire(preset, "parameter_specs") for preset in found]})


@router.get(
    "/model-presets/parameter-specs",
    **lookup("model-preset-parameter-specs", "modelParameterSpecList", "Parameters of model presets"),
)
@access("model-presets", Verb.LIST)
def parameter_specs(request: Request, appkey: str) -> Response:
    preset_id = request.query_params.get("modelPresetId")
    code = request.query_params.get("parameterTypeCode")
    specs = [
        spec
        for preset in _catalogue(request).model_presets
        if preset_id in (None, preset.model_preset_id)
        for spec in preset.parameter_specs
        if code in (None, spec.parameter_type_code)
    ]
    return success({"modelParameterSpecList": [_wire(spec) for spec in specs]})
