"""From the names that people use to the ids that requests need."""

from kfp_components.easymaker.easymaker_api.client import EasyMakerApi, Json
from kfp_components.easymaker.easymaker_api.errors import ApiRefused


def flavor_id(api: EasyMakerApi, name: str) -> str:
    return _found(api.items("flavors", "flavor"), "name", "id", name)


def image_id(api: EasyMakerApi, name: str) -> str:
    return _found(api.items("images", "image"), "imageName", "imageId", name)


def experiment_id(api: EasyMakerApi, name: str) -> str:
    """That of an experiment with this name, which is made if there is none."""
    found = [each for each in api.items("experiments", "experiment", name=name) if each["experimentName"] == name]
    made = found[0] if found else api.create("experiments", "experiment", {"experimentName": name})
    return api.wait("experiments", "experiment", made["experimentId"])["experimentId"]


def endpoint_named(api: EasyMakerApi, name: str) -> Json | None:
    found = [each for each in api.items("endpoints", "endpoint", name=name) if each["endpointName"] == name]
    return found[0] if found else None


def stages_of(api: EasyMakerApi, endpoint_id: str) -> list[Json]:
    return api.items("endpoint-stages", "endpointStage", endpointId=endpoint_id)


def _found(items: list[Json], name_field: str, id_field: str, name: str) -> str:
    for each in items:
        if name in (each[name_field], each[id_field]):
            return each[id_field]
    names = ", ".join(sorted(str(each[name_field]) for each in items))
    raise ApiRefused(f"there is no {name!r} here; there are: {names}", 404)
