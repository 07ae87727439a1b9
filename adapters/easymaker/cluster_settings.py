"""What an operator can set of the cluster engine, each as ``EASYMAKER_CLUSTER_<NAME>`` in the environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
NamespacedName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][-a-z0-9.]*/[a-z0-9][-a-z0-9.]*$")]
HostPort = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$")]


class ClusterSettings(BaseSettings):
    """All settings of the cluster engine; raises pydantic's ValidationError with the variable's name when malformed."""

    model_config = SettingsConfigDict(env_prefix="EASYMAKER_CLUSTER_", extra="ignore", frozen=True)

    kubeconfig: Path | None = Field(
        default=None, description="kubeconfig file; unset: the pod's own service account, else KUBECONFIG"
    )
    context: str | None = Field(default=None, description="Context of the kubeconfig; unset: its current one")
    namespace: DnsLabel = Field(default="kubeflow", description="Namespace that the adapter itself runs in")
    namespaces: tuple[DnsLabel, ...] = Field(
        default=(), description="Profile namespaces to watch (JSON list); empty: all of the cluster"
    )
    resync_seconds: float = Field(default=300.0, ge=1, description="How often everything is looked at without a change")
    serving_mode: Literal["RawDeployment", "Serverless"] = Field(
        default="RawDeployment", description="KServe deployment mode of stage resources"
    )
    routes: Literal["gateway-api", "istio"] = Field(
        default="gateway-api", description="How stages are published: HTTPRoute or Istio VirtualService"
    )
    gateway: NamespacedName = Field(
        default="kubeflow/easymaker-gateway", description="NAMESPACE/NAME of the Gateway that stages are published at"
    )
    gateway_host: str = Field(
        default="easymaker.example.com", max_length=253, description="Public host name of that Gateway"
    )
    knative_gateway: NamespacedName = Field(
        default="istio-system/knative-local-gateway", description="Service that serverless models are reached through"
    )
    api_url: str = Field(
        default="http://easymaker-adapter.kubeflow:10090", max_length=253, description="The adapter, for links"
    )
    kubeflow_url: str = Field(default="", max_length=253, description="Address of the Kubeflow dashboard, for links")
    pipelines_url: str | None = Field(
        default=None, description="Address of the Kubeflow Pipelines API server; unset: there are no pipelines"
    )
    pipelines_token: Path = Field(
        default=Path("/var/run/secrets/kubeflow/pipelines/token"),
        description="File with a service-account token for the audience pipelines.kubeflow.org",
    )
    pipelines_service_account: DnsLabel = Field(
        default="default-editor", description="ServiceAccount of pipeline runs, in each profile namespace"
    )
    pipelines_token_secret: Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")] = (
        Field(
            default="easymaker-token",
            description="Secret of a profile namespace whose key `token` is EM_TOKEN in steps, if it is there",
        )
    )
    pipelines_time_zone: str = Field(
        default="UTC",
        max_length=100,
        description="Zone in which Kubeflow Pipelines reads cron expressions: its CRON_SCHEDULE_TIMEZONE",
    )
    pipelines_poll_seconds: float = Field(
        default=5.0, ge=0.05, description="How often a run in progress and a schedule are looked at"
    )
    katib_namespace: DnsLabel = Field(default="kubeflow", description="Namespace that Katib's controller runs in")
    katib_db_manager: HostPort | None = Field(
        default=None,
        description="HOST:PORT of Katib's DB manager, for every value of a metric; unset: the last of each is shown",
    )
    plain_runtime: str = Field(default="easymaker-plain", description="ClusterTrainingRuntime of plain trainings")
    torch_runtime: str = Field(default="easymaker-torch", description="ClusterTrainingRuntime of torchrun trainings")
    serving_runtime_prefix: str = Field(default="easymaker-", description="Prefix of the ClusterServingRuntimes' names")
    job_service_account: str = Field(
        default="easymaker-jobs", description="ServiceAccount of training pods, in each profile namespace"
    )
    model_service_account: str = Field(
        default="easymaker-models", description="ServiceAccount of model pods, in each profile namespace"
    )
    storage_class: str | None = Field(default=None, description="StorageClass of volume claims; unset: the default")
    tensorboard_storage_gb: int = Field(default=10, ge=1, description="Size of an experiment's TensorBoard volume")
    tensorboard_access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = Field(
        default="ReadWriteMany", description="Access mode of that volume; trainings write, TensorBoard reads"
    )
    token_audiences: tuple[str, ...] = Field(
        default=(), description="Audiences that a caller's token must have (JSON list); empty: the API server's own"
    )
