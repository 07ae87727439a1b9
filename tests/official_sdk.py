"""The official SDK as published, in an environment of its own, for tests that run its users' programs.

Its code is not modified; but between two looks at a resource it sleeps ten seconds, which tests have better use for.
"""

from pathlib import Path

from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings

SPEC = EnvironmentSpec(name="official-sdk", requirements=("easymaker==2.1.5",))
# What ``wait`` takes when its caller gives nothing else; the constant of the same value is read before one can set it.
IMPATIENT = """
from easymaker.common.base_model.easymaker_base_model import EasyMakerBaseModel as _Waiting
assert _Waiting.wait.__defaults__ == ("create", 10)
_Waiting.wait.__defaults__ = ("create", 0.5)
"""


def sdk_python() -> Path:
    """The interpreter of the environment, built once and kept."""
    return Environments(Settings().cache_dir).ensure(SPEC)
