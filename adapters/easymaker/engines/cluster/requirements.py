"""What has to be on a cluster before the engine can carry out which kind of resource, and what to run for it."""

from dataclasses import dataclass

from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.api_resources import (
    CONFIG_MAP,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KATIB_EXPERIMENT,
    KATIB_TRIAL,
    TENSORBOARD,
    TRAIN_JOB,
    VIRTUAL_SERVICE,
    ApiResource,
)

TRAINING_RUNTIME = ApiResource(
    "trainer.kubeflow.org", "v1alpha1", "clustertrainingruntimes", "ClusterTrainingRuntime", namespaced=False
)
SERVING_RUNTIME = ApiResource(
    "serving.kserve.io", "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
)
STORAGE_CONTAINER = ApiResource(
    "serving.kserve.io", "v1alpha1", "clusterstoragecontainers", "ClusterStorageContainer", namespaced=False
)
GATEWAY = ApiResource("gateway.networking.k8s.io", "v1", "gateways", "Gateway")
ISTIO_GATEWAY = ApiResource("networking.istio.io", "v1", "gateways", "Gateway")
KNATIVE_SERVICE = ApiResource("serving.knative.dev", "v1", "services", "Service")
PROFILE = ApiResource("kubeflow.org", "v1", "profiles", "Profile", namespaced=False)
NOTEBOOK = ApiResource("kubeflow.org", "v1", "notebooks", "Notebook")
SERVICE_ACCOUNT = ApiResource("", "v1", "serviceaccounts", "ServiceAccount")
CUSTOM_RESOURCE = ApiResource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
KATIB_CONTROLLER, KATIB_CONFIG = "katib-controller", "katib-config"
# As katib-config names the kinds that trials may be.
TRIAL_KIND = f"{TRAIN_JOB.kind}.{TRAIN_JOB.version}.{TRAIN_JOB.group}"
# Kubeflow's profiles have it; without it Katib takes no Experiment.
COLLECTED = ("katib.kubeflow.org/metrics-collector-injection", "enabled")
# Runtimes of which formats the engine serves; the name is this after the prefix of the settings.
SERVING_RUNTIMES = ("mlserver",)
STORAGE_PREFIX = "obs://"

EXPERIMENT, TRAINING, STAGE, STAGE_RESOURCE = "experiment", "training", "endpoint-stage", "endpoint-model"
ENDPOINT, TUNING = "endpoint", "hyperparameter-tuning"
RUN_KINDS = (TRAINING, TUNING)
PIPELINE_KINDS = ("pipeline", "pipeline-run", "pipeline-recurring-run")
SERVED_KINDS = (ENDPOINT, STAGE, STAGE_RESOURCE)
ROUTED_KINDS = (ENDPOINT, STAGE)
TO_COME_NOTEBOOK = "notebook (to come)"

OURS = "kubectl apply --server-side -k manifests/overlays/kubeflow"
REMEDIES = {
    TRAIN_JOB: "kubectl apply --server-side -k "
    "'https://github.com/kubeflow/trainer.git/manifests/overlays/manager?ref=v2.3.0'",
    INFERENCE_SERVICE: "kubectl apply --server-side -f "
    "https://github.com/kserve/kserve/releases/download/v0.20.0/kserve.yaml",
    TENSORBOARD: "kubectl apply -k "
    "'https://github.com/kubeflow/notebooks.git/components/tensorboard-controller/config/base?ref=v1.11.0'",
    HTTP_ROUTE: "kubectl apply --server-side -f "
    "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml",
    VIRTUAL_SERVICE: "istioctl install (https://istio.io/latest/docs/setup/install/)",
    KNATIVE_SERVICE: "https://knative.dev/docs/install/, or EASYMAKER_CLUSTER_SERVING_MODE=RawDeployment",
    KATIB_EXPERIMENT: "kubectl apply --server-side -k "
    "'https://github.com/kubeflow/katib.git/manifests/v1beta1/installs/katib-with-kubeflow?ref=v0.19.0'",
    PROFILE: "install Kubeflow's dashboard and profiles, or make the namespaces yourself",
    NOTEBOOK: "install Kubeflow Notebooks 1.11",
}


@dataclass(frozen=True)
class Served:
    """A kind of object has to be served in the version of ``resource``, with these fields in its schema."""

    part: str
    resource: ApiResource
    kinds: tuple[str, ...]
    remedy: str
    fields: tuple[str, ...] = ()
    since: str = ""
    optional: bool = False

    @property
    def needs(self) -> str:
        return f"{self.resource.plural}.{self.resource.group} {self.resource.version}"


@dataclass(frozen=True)
class Named:
    """One object has to be there; ``namespace`` is None for one without."""

    part: str
    resource: ApiResource
    namespace: str | None
    name: str
    kinds: tuple[str, ...]
    remedy: str

    @property
    def needs(self) -> str:
        return f"{self.resource.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True)
class Mentions:
    """A ConfigMap has to have ``text`` somewhere in it."""

    part: str
    namespace: str
    name: str
    text: str
    kinds: tuple[str, ...]
    remedy: str

    @property
    def needs(self) -> str:
        return f"{self.text} in {CONFIG_MAP.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Allowed:
    """A service account (NAMESPACE/NAME) has to have these rights in the whole cluster."""

    part: str
    account: str
    resource: ApiResource
    verbs: tuple[str, ...]
    kinds: tuple[str, ...]
    remedy: str

    @property
    def needs(self) -> str:
        return f"{self.account} may {', '.join(self.verbs)} {self.resource.plural}"


@dataclass(frozen=True)
class Storage:
    """A ClusterStorageContainer has to fetch what ``prefix`` begins."""

    part: str
    prefix: str
    kinds: tuple[str, ...]
    remedy: str

    @property
    def needs(self) -> str:
        return f"{STORAGE_CONTAINER.kind} for {self.prefix}"


@dataclass(frozen=True)
class Answers:
    """An HTTP server has to answer at ``url``."""

    part: str
    url: str
    kinds: tuple[str, ...]
    remedy: str

    @property
    def needs(self) -> str:
        return self.url


@dataclass(frozen=True)
class Configured:
    """A setting has to have a value; without it these kinds are not to be had, which may be as it is meant."""

    part: str
    setting: str
    is_set: bool
    kinds: tuple[str, ...]
    remedy: str

    @property
    def needs(self) -> str:
        return self.setting


Requirement = Served | Named | Mentions | Allowed | Storage | Answers | Configured


def requirements(cluster: ClusterSettings) -> tuple[Requirement, ...]:
    """Everything that an installation with these settings needs of a cluster, in the order of its kinds."""
    runs = (*_trainings(cluster), *_tunings(cluster))
    return (*_experiments(cluster), *runs, *_serving(cluster), *_routes(cluster), *_later())


def _served(part: str, resource: ApiResource, kinds: tuple[str, ...]) -> Served:
    return Served(part, resource, kinds, REMEDIES[resource])


def _experiments(cluster: ClusterSettings) -> tuple[Requirement, ...]:
    board = _served("Kubeflow TensorBoard controller", TENSORBOARD, (EXPERIMENT,))
    url = "EASYMAKER_CLUSTER_PIPELINES_URL"
    if not cluster.pipelines_url:
        remedy = f"set {url} to the API server of Kubeflow Pipelines to have them"
        return board, Configured("Kubeflow Pipelines", url, False, PIPELINE_KINDS, remedy)
    remedy = f"set {url} to the API server of Kubeflow Pipelines, or to nothing"
    return board, Answers("Kubeflow Pipelines", cluster.pipelines_url, (EXPERIMENT, *PIPELINE_KINDS), remedy)


def _trainings(cluster: ClusterSettings) -> tuple[Requirement, ...]:
    part, kinds = "Kubeflow Trainer", RUN_KINDS
    names = dict.fromkeys((cluster.plain_runtime, cluster.torch_runtime))
    return (
        Served(part, TRAIN_JOB, kinds, REMEDIES[TRAIN_JOB], ("spec.runtimePatches",), "Trainer 2.3"),
        *(Named("training runtime", TRAINING_RUNTIME, None, name, kinds, OURS) for name in names),
    )


def _tunings(cluster: ClusterSettings) -> tuple[Requirement, ...]:
    """Katib since 0.19 makes TrainJobs of trials as it is installed."""
    kinds, remedy = (TUNING,), REMEDIES[KATIB_EXPERIMENT]
    account = f"{cluster.katib_namespace}/{KATIB_CONTROLLER}"
    return (
        Served("Katib", KATIB_EXPERIMENT, kinds, remedy),
        Served("Katib", KATIB_TRIAL, kinds, remedy),
        Mentions("Katib's trials", cluster.katib_namespace, KATIB_CONFIG, TRIAL_KIND, kinds, remedy),
        Allowed("Katib's trials", account, TRAIN_JOB, ("create", "get", "watch"), kinds, remedy),
    )


def _serving(cluster: ClusterSettings) -> tuple[Requirement, ...]:
    kinds = SERVED_KINDS
    found: list[Requirement] = [_served("KServe", INFERENCE_SERVICE, kinds)]
    if cluster.serving_mode == "Serverless":
        found.append(_served("Knative Serving", KNATIVE_SERVICE, kinds))
    names = [cluster.serving_runtime_prefix + name for name in SERVING_RUNTIMES]
    found += [Named("serving runtime", SERVING_RUNTIME, None, name, kinds, OURS) for name in names]
    return *found, Storage("model storage", STORAGE_PREFIX, kinds, OURS)


def _routes(cluster: ClusterSettings) -> tuple[Requirement, ...]:
    namespace, _, name = cluster.gateway.partition("/")
    if cluster.routes == "gateway-api":
        route, gateway = _served("Gateway API", HTTP_ROUTE, ROUTED_KINDS), GATEWAY
    else:
        route, gateway = _served("Istio", VIRTUAL_SERVICE, ROUTED_KINDS), ISTIO_GATEWAY
    remedy = f"{OURS}, or set EASYMAKER_CLUSTER_GATEWAY to a Gateway of yours"
    return route, Named("gateway", gateway, namespace, name, ROUTED_KINDS, remedy)


def _later() -> tuple[Requirement, ...]:
    """What nothing needs yet, or what can be done without."""
    return (
        Served("Kubeflow Profiles", PROFILE, ("appkeys as profiles",), REMEDIES[PROFILE], optional=True),
        Served("Kubeflow Notebooks", NOTEBOOK, (TO_COME_NOTEBOOK,), REMEDIES[NOTEBOOK], optional=True),
    )
