"""A canary for every secret of an installation on a cluster, with DEBUG on: each is only where it is meant to be."""

import json
import subprocess

import pytest
import yaml

from tests.cluster.controllers import Controllers
from tests.cluster.installation import HOME, ClusterInstallation
from tests.cluster.lives import SECRET, Life
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.namespaces import collections_of
from tests.security.test_secret_canaries import PG_DUMP, hits

pytestmark = pytest.mark.slow


def test_secrets_stay_in_their_secret(
    cluster: ClusterInstallation, controllers: Controllers, kubeflow: ApiServerProcess
) -> None:
    cluster.start(log_level="DEBUG")
    api = cluster.api()
    life = Life(api, controllers)
    life.begin()
    adapter = yaml.safe_load(cluster.kubeconfig.read_text())["users"][0]["user"]
    canaries = {
        "the model's secret parameter": str(SECRET["parameterValue"]).encode(),
        "the caller's token": cluster.tokens["owner"].rpartition(".")[2].encode(),
        "the adapter's token": adapter["token"].rpartition(".")[2].encode(),
    }
    answers = [
        api.call("GET", path).content
        for path in (
            "/models",
            f"/models/{life.ids['model']}",
            f"/models/{life.ids['model']}/events",
            "/endpoints",
            f"/endpoint-models/{life.ids['stage resource']}",
            f"/endpoint-stages/{life.ids['stage']}/gateway-settings",
            f"/trainings/{life.ids['done']}",
            f"/hyperparameter-tunings/{life.ids['tuned']}",
            f"/hyperparameter-tunings/{life.ids['tuned']}/trials",
            f"/hyperparameter-tunings/{life.ids['tuned']}/metrics",
            f"/hyperparameter-tunings/{life.ids['tuned']}/logs",
        )
    ]
    objects: list[bytes] = []
    kept: list[bytes] = []
    for namespace in (cluster.profile, HOME):
        for path in collections_of(kubeflow, namespace):
            items = kubeflow.request("GET", path).json().get("items") or []
            (kept if path.endswith("/secrets") else objects).append(json.dumps(items).encode())
    dump = subprocess.run([PG_DUMP, cluster.database_url.replace("+psycopg", "")], capture_output=True, timeout=120)
    assert dump.returncode == 0, dump.stderr
    places = {
        "the adapter's log": cluster.log.read_bytes(),
        "the database": dump.stdout,
        "answers": b"\n".join(answers),
        "objects of the cluster": b"\n".join(objects),
    }
    assert hits(canaries, places) == []
    secret = {name: canaries[name] for name in ("the model's secret parameter",)}
    assert hits(secret, {"Secrets": b"\n".join(kept)}), "it has to be somewhere"
