"""Where things lie in a training pod. The ClusterTrainingRuntimes in manifests/ and the images rely on some of it."""

ROOT = "/easymaker"
SPEC_DIRECTORY = f"{ROOT}/spec"
SPEC_FILE = "launcher.json"
WORK_VOLUME = f"{ROOT}/workspace"
# Below the volume's root, which may hold what a file system brings along (lost+found).
WORK_DIRECTORY = f"{WORK_VOLUME}/run"
STATUS_FILE = f"{WORK_VOLUME}/status.json"
TENSORBOARD = f"{ROOT}/tensorboard"
NAS_ROOT = f"{ROOT}/nas"
# In images whose environment must not be changed in place; the launcher does without where they are not there.
IMAGE_LOCK = "/opt/easymaker/requirements.lock"
IMAGE_UV = "/opt/easymaker/bin/uv"
