"""kfp.local made safe and right for pipelines and values from users; kfp itself is not changed or copied.

For the process that runs one pipeline: call ``install_into_kfp`` before kfp.local runs anything.
"""

from importlib.metadata import version

from adapters.easymaker.pipelines import kfp_local_conditions, kfp_local_loops, kfp_local_values

# The corrections reach into modules that are not kfp's public interface.
KFP_SERIES = "2.17."

_installed: list[str] = []


def install_into_kfp() -> None:
    """Put the corrections into this process's kfp.local, once. RuntimeError for a kfp that they were not made for."""
    if _installed:
        return
    found = version("kfp")
    if not found.startswith(KFP_SERIES):
        raise RuntimeError(f"kfp {found} is installed; the corrections of kfp.local are made for {KFP_SERIES}x")
    kfp_local_values.install()
    kfp_local_loops.install()
    kfp_local_conditions.install()
    _installed.append(found)
