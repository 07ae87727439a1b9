"""The variables of the user's process: what the guide promises, and of the launcher's own as little as works.

Pure: a spec, paths and the launcher's environment in, variables out. The launcher's storage credentials and the
caller's EasyMaker token never go through, whatever ``extra_env`` says.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kfp_components.easymaker.launcher.distributed import cluster_variables
from kfp_components.easymaker.launcher.spec import LauncherSpec
from kfp_components.easymaker.launcher.work_paths import WorkPaths

# Linux takes no single string of 128 KiB or more in an environment or an argument list.
LONGEST_STRING = 131_071

_PASSED = {
    "PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
}  # fmt: skip
_PASSED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "NCCL_", "GLOO_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_")
# Only the installer of a requirements.txt sees these: index addresses and proxies may hold a password.
_INSTALLER_PREFIXES = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_NEVER_PREFIXES = ("EASYMAKER_", "EM_")
# The mark by which the local engine finds every process of a job again. No secret, and lost if it does not pass.
_JOB_MARK = "EASYMAKER_PROCESS"
# A pattern in extra_env passes none of these; an operator who means one writes its full name.
_NOT_BY_PATTERN = re.compile(r"^(AWS|AZURE|GOOGLE|OS|ST)_|TOKEN|SECRET|PASSW|CREDENTIAL|KEY")
_URL_WITH_USER = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True)
class UserEnvironment:
    variables: dict[str, str]
    warnings: tuple[str, ...]


def user_environment(
    spec: LauncherSpec, paths: WorkPaths, python: Path, inherited: Mapping[str, str]
) -> UserEnvironment:
    """Everything the entry point sees. ``python`` is the interpreter it will run under."""
    promised = _guide_variables(spec, paths) | cluster_variables(spec, use_torchrun=spec.use_torchrun)
    variables = _base(paths, python, _passed(inherited, spec.extra_env)) | promised
    too_long = [name for name, value in variables.items() if len(f"{name}={value}".encode()) >= LONGEST_STRING]
    warnings = tuple(f"{name} is left out: it would be longer than the system allows" for name in too_long)
    return UserEnvironment({name: value for name, value in variables.items() if name not in too_long}, warnings)


def installer_environment(
    spec: LauncherSpec, paths: WorkPaths, python: Path, inherited: Mapping[str, str]
) -> dict[str, str]:
    """What the installer of a requirements.txt sees: its own settings on top of the bare user environment."""
    settings = {name: value for name, value in inherited.items() if name.startswith(_INSTALLER_PREFIXES)}
    return _base(paths, python, _passed(inherited, spec.extra_env) | settings)


def _passed(inherited: Mapping[str, str], extra: Iterable[str]) -> dict[str, str]:
    names = {name for name in extra if not name.endswith("*")}
    patterns = tuple(name.removesuffix("*") for name in extra if name.endswith("*"))
    return {name: value for name, value in inherited.items() if _passes(name, value, names, patterns)}


def _passes(name: str, value: str, names: set[str], patterns: tuple[str, ...]) -> bool:
    if name.startswith(_NEVER_PREFIXES):
        return name == _JOB_MARK
    if name in names or name in _PASSED or name.startswith(_PASSED_PREFIXES):
        return True
    return name.startswith(patterns) and not _NOT_BY_PATTERN.search(name.upper()) and not _URL_WITH_USER.search(value)


def _base(paths: WorkPaths, python: Path, passed: Mapping[str, str]) -> dict[str, str]:
    """``pip`` and ``python`` in a shell script must be those of the training's environment, so they lead the PATH."""
    path = passed.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {
        "LANG": "C.UTF-8",
        **passed,
        "PATH": f"{python.parent}:{path}",
        "HOME": str(paths.home),
        "TMPDIR": str(paths.temporary),
        "PYTHONUNBUFFERED": "1",
    }


def _guide_variables(spec: LauncherSpec, paths: WorkPaths) -> dict[str, str]:
    datasets = [(name, str(paths.dataset(name))) for name, _ in spec.datasets]
    variables = {
        "EM_SOURCE_DIR": str(paths.source),
        "EM_ENTRY_POINT": spec.entry_point,
        "EM_DATASETS": _json(dict(datasets)),
        "EM_MODEL_DIR": str(paths.model),
        "EM_CHECKPOINT_DIR": str(paths.checkpoint),
        "EM_HPS": _json(dict(spec.hyperparameters)),
        "EM_TENSORBOARD_LOG_DIR": str(paths.tensorboard),
        "EM_REGION": spec.region,
        "EM_APPKEY": spec.appkey,
    }
    if spec.checkpoint_input_uri:
        variables["EM_CHECKPOINT_INPUT_DIR"] = str(paths.checkpoint_input)
    return _named("EM_DATASET_", datasets) | _named("EM_HP_", spec.hyperparameters) | variables


def _named(prefix: str, items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One variable per item, plus one that a shell can spell where the name has other characters than A-Z, 0-9, _."""
    exact: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for name, value in items:
        upper = name.upper()
        spelled[prefix + re.sub(r"[^A-Z0-9_]", "_", upper)] = value
        if "=" not in upper:
            exact[prefix + upper] = value
    return spelled | exact


def _json(value: Mapping[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False)
