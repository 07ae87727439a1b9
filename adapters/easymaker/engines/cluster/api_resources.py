"""The kinds of Kubernetes objects that the engine works with. Explicit, so that no discovery is needed."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class ApiResource:
    """Where objects of one kind are served. ``group`` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection (in one namespace or in all), of an object, or of its subresource."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part is not None]
        return "/" + "/".join(quote(part, safe="") for part in parts)


CONFIG_MAP = ApiResource("", "v1", "configmaps", "ConfigMap")
SECRET = ApiResource("", "v1", "secrets", "Secret")
VOLUME_CLAIM = ApiResource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
POD = ApiResource("", "v1", "pods", "Pod")
NAMESPACE = ApiResource("", "v1", "namespaces", "Namespace", namespaced=False)
TOKEN_REVIEW = ApiResource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
ACCESS_REVIEW = ApiResource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
SELF_ACCESS_REVIEW = ApiResource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
TRAIN_JOB = ApiResource("trainer.kubeflow.org", "v1alpha1", "trainjobs", "TrainJob")
KATIB_EXPERIMENT = ApiResource("kubeflow.org", "v1beta1", "experiments", "Experiment")
KATIB_TRIAL = ApiResource("kubeflow.org", "v1beta1", "trials", "Trial")
KATIB_SUGGESTION = ApiResource("kubeflow.org", "v1beta1", "suggestions", "Suggestion")
TENSORBOARD = ApiResource("tensorboard.kubeflow.org", "v1alpha1", "tensorboards", "Tensorboard")
INFERENCE_SERVICE = ApiResource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
HTTP_ROUTE = ApiResource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
VIRTUAL_SERVICE = ApiResource("networking.istio.io", "v1", "virtualservices", "VirtualService")

APPLIED_KINDS = (
    CONFIG_MAP,
    SECRET,
    VOLUME_CLAIM,
    TRAIN_JOB,
    KATIB_EXPERIMENT,
    TENSORBOARD,
    INFERENCE_SERVICE,
    HTTP_ROUTE,
    VIRTUAL_SERVICE,
)
_BY_TYPE = {(resource.api_version, resource.kind): resource for resource in APPLIED_KINDS}


def resource_of(manifest: dict[str, object]) -> ApiResource:
    """The entry for a rendered manifest; KeyError for a kind that the engine never applies."""
    return _BY_TYPE[(str(manifest["apiVersion"]), str(manifest["kind"]))]
