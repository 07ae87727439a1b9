"""The component; README.md says how to use it."""

from kfp import dsl

from kfp_components.easymaker.caching import never_cached
from kfp_components.easymaker.images import COMPONENTS


@never_cached
@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def download(uri: str, dataset: dsl.Output[dsl.Dataset]) -> int:
    """Downloads a file or a directory from object storage or a NAS.

    Args:
        uri: What to download, obs:// or nas://. A directory comes with all that is below it.
        dataset: A directory with what was downloaded; a single file keeps its name in it.

    Returns:
        Number of files.
    """
    from pathlib import Path

    from kfp_components.easymaker.download.downloading import download_into

    summary = download_into(uri, Path(dataset.path))
    dataset.metadata.update({"sourceUri": uri, "files": summary.files, "bytes": summary.bytes})
    return summary.files
