"""Credentials that come as environment variables, as a Kubernetes Secret can give them to one container of a pod.

Everything else here reads them from files, which can be renewed and which no child process inherits. So they are moved
into files that exist in memory only, and out of the environment.
"""

import os
from collections.abc import MutableMapping

_FILES = {"EASYMAKER_OBS_TOKEN": "EASYMAKER_OBS_TOKEN_FILE", "EASYMAKER_OBS_PASSWORD": "EASYMAKER_OBS_PASSWORD_FILE"}


def move_to_files(environ: MutableMapping[str, str]) -> None:
    """Replace each secret variable by the path of a file that only this process has open."""
    for variable, file_variable in _FILES.items():
        secret = environ.pop(variable, None)
        if secret:
            descriptor = os.memfd_create(variable)
            os.write(descriptor, secret.encode("utf-8", "surrogateescape"))
            environ[file_variable] = f"/proc/self/fd/{descriptor}"
