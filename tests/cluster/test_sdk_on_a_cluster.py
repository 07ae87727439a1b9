"""The official SDK, in an environment of its own, with a service account's token as its only credential.

Its code is unmodified; only the pauses between two looks at a resource are shorter than its default.
"""

import subprocess

import pytest

from tests.cluster.controllers import TRAIN_JOBS, Controllers
from tests.cluster.installation import ClusterInstallation
from tests.conftest import wait_for
from tests.kubernetes.api_server import ApiServerProcess
from tests.official_sdk import IMPATIENT, sdk_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = """
import easymaker
experiment = easymaker.Experiment().create("first")
training = easymaker.Training().run(
    training_name="iris", experiment_id=experiment.experiment_id, image_name="Ubuntu 22.04 CPU Python Training",
    instance_type_name="m2.c1m2", source_dir_uri="nas://code:/iris", entry_point="train.py",
    model_upload_uri="nas://results:/iris", timeout_hours=1,
)
model = easymaker.Model().create("iris", training_id=training.training_id)
endpoint = easymaker.Endpoint().create("iris", [easymaker.EndpointModelResource(model_id=model.model_id)], "m2.c2m4")
print(endpoint.endpoint_id)
endpoint.delete()
"""


def test_the_sdks_main_job(cluster: ClusterInstallation, controllers: Controllers, kubeflow: ApiServerProcess) -> None:
    cluster.start()
    environment = {
        "EM_API_URL": cluster.url,
        "EM_APPKEY": cluster.profile,
        "EM_REGION": "kubeflow",
        "EM_TOKEN": cluster.tokens["owner"],
    }
    with subprocess.Popen(
        [str(sdk_python()), "-c", IMPATIENT + PROGRAM],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        path = f"{TRAIN_JOBS[0]}/namespaces/{cluster.profile}/{TRAIN_JOBS[1]}"

        def running() -> list[str]:
            assert program.poll() is None, program.communicate()[1]
            jobs = kubeflow.request("GET", path).json()["items"]
            return [job["metadata"]["name"] for job in jobs if job.get("status", {}).get("jobsStatus")]

        (name,) = wait_for(running, 300, "the SDK's training runs")
        controllers.end(name)
        told, troubles = program.communicate(timeout=400)
    assert program.returncode == 0, troubles
    made = told.strip().splitlines()[-1]
    cluster.api().gone("endpoints", made)
