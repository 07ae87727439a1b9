"""Trainings as TrainJobs on a real API server: objects applied per second, against the same writes made bare.

Both write the same manifests with the same number of connections in one run. What the adapter does beyond that, REST
requests and the database included, is the difference. No controller runs: what is measured is the adapter.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psutil

from adapters.easymaker import catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import TRAIN_JOB
from adapters.easymaker.engines.cluster.api_server import ApiServer
from adapters.easymaker.engines.cluster.bundles import Applier, applied_digest
from adapters.easymaker.engines.cluster.connection import Credentials
from adapters.easymaker.engines.cluster.mapping.training_jobs import TrainingSite, training_bundle
from adapters.easymaker.kinds.record import Goal, Record
from benchmarks.installation import wait_for
from tests.cluster.controllers import Controllers
from tests.cluster.installation import HOME, ClusterInstallation
from tests.cluster.overlay import OVERLAY, TENANT, apply_all, bind
from tests.kubernetes.api_server import ApiServerProcess
from tests.kubernetes.assets.installed import installed_assets
from tests.kubernetes.namespaces import create_namespace

SIZES = (1000, 5000)
WRITERS = 8
# A TrainJob, before and after its ConfigMap.
WRITES = 3
NEEDED = ("trainjobs", "clustertrainingruntimes", "tensorboards", "httproutes", "inferenceservices", "gateways")
CACHE_AIM_MB = 300
GROWTH_AIM = 1.3
Json = dict[str, Any]


@dataclass
class Load:
    """What a process has used since it began to be watched; memory is the greatest seen."""

    process: psutil.Process
    cpu: float = 0.0
    memory: int = 0

    def __post_init__(self) -> None:
        self._began = self._cpu()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self.memory = max(self.memory, self.process.memory_info().rss)

    def end(self) -> "Load":
        self._stop.set()
        self._thread.join()
        self.cpu = self._cpu() - self._began
        return self


def in_parallel(count: int, work: Callable[[int], Any]) -> float:
    """Seconds for ``work`` on 0 … count - 1 by WRITERS threads."""
    began = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(count)))
    return time.monotonic() - began


def complete(server: ApiServer, namespace: str) -> int:
    return sum(applied_digest(job) is not None for job in server.list(TRAIN_JOB, namespace))


def bare(server: ApiServer, body: Json, namespace: str, count: int) -> float:
    """Seconds for the writes alone."""
    site = TrainingSite(catalogue.load(None), ClusterSettings(), "local")
    now = datetime.now(UTC)
    record = Record("", "training", namespace, "t", "", "", "", Goal.PRESENT, body, {}, "b", now, now, 1)
    applier = Applier(server)
    bundles = [training_bundle(replace(record, id=f"bare-{number:06}"), site) for number in range(count)]
    return in_parallel(count, lambda number: applier.apply(bundles[number], None))


def measure(cluster: ClusterInstallation, server: ApiServer, body: Json, sizes: Sequence[int]) -> dict[str, Any]:
    adapter = psutil.Process(cluster.adapters[0].pid)
    empty = adapter.memory_info().rss
    result: dict[str, Any] = {"adapter_MB_with_none": empty / 2**20}
    there = 0
    for size in sizes:
        api = [cluster.api() for _ in range(WRITERS)]
        load, began = Load(adapter), time.monotonic()
        adding = size - there

        def create(number: int, api: Sequence[Any] = api) -> None:
            api[number % WRITERS].ok("POST", "/trainings", json=body | {"trainingName": f"t{number}"})

        posting = in_parallel(adding, create)
        wait_for(lambda size=size: complete(server, cluster.profile) >= size, f"{size} TrainJobs", 1800)
        seconds = time.monotonic() - began
        used = load.end()
        result[f"{size}"] = {
            "trainings_added": adding,
            "seconds": seconds,
            "seconds_until_all_were_posted": posting,
            "objects_applied_per_second": adding * 2 / seconds,
            "adapter_cpu_ms_per_training": used.cpu / adding * 1000,
            "adapter_MB_at_most": used.memory / 2**20,
        }
        there = size
    return result


def run(sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    assets = installed_assets()
    if assets is None:
        raise SystemExit("no kube-apiserver on this machine: run `make envtest`")
    with ApiServerProcess(assets) as process:
        process.load_crds(names=NEEDED)
        for namespace in (HOME, "team", "bare"):
            create_namespace(process, namespace)
        apply_all(process, OVERLAY)
        apply_all(process, TENANT, "team")
        bind(process, "team", "easymaker-edit", "owner")
        cluster = ClusterInstallation.over(process, "team")
        server = ApiServer(Credentials(ClusterSettings(kubeconfig=process.admin_kubeconfig)))
        try:
            with Controllers(process, ("tensorboards",)):
                cluster.start(workers=WRITERS, log_level="WARNING")
                api = cluster.api()
                body = api.training_body(api.experiment())
            result = measure(cluster, server, body, sizes)
            seconds = bare(server, body, "bare", sizes[0])
        finally:
            cluster.destroy()
            server.close()
    first, last = (result[str(size)] for size in (sizes[0], sizes[-1]))
    result["bare_objects_applied_per_second"] = sizes[0] * 2 / seconds
    result["ratio_to_bare"] = first["objects_applied_per_second"] / result["bare_objects_applied_per_second"]
    result["cost_growth"] = last["adapter_cpu_ms_per_training"] / first["adapter_cpu_ms_per_training"]
    result["cache_MB"] = last["adapter_MB_at_most"] - result["adapter_MB_with_none"]
    result["passed"] = result["cache_MB"] < CACHE_AIM_MB and result["cost_growth"] < GROWTH_AIM
    return result
