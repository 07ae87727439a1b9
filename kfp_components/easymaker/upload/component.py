"""The component; README.md says how to use it."""

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def upload(artifact: dsl.Input[dsl.Artifact], uri: str) -> str:
    """Uploads an artifact to object storage or a NAS.

    Args:
        artifact: Any artifact of an earlier step: a file, or a directory with all that is below it.
        uri: Directory to upload to, obs:// or nas://. A file keeps its name.

    Returns:
        The URI, for steps that shall come after.
    """
    from pathlib import Path

    from kfp_components.easymaker.upload.uploading import upload_from

    upload_from(Path(artifact.path), uri)
    return uri
