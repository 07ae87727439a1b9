"""Right objects that the validator's tests start from; every wrong one is one of these with a single change."""

import copy
from typing import Any

Manifest = dict[str, Any]

POD_LABELS = {"app.kubernetes.io/name": "easymaker"}
CONTAINER: Manifest = {
    "name": "adapter",
    "image": "example.com/adapter:1.0",
    "imagePullPolicy": "IfNotPresent",
    "env": [{"name": "A", "value": "b"}],
    "ports": [{"name": "http", "containerPort": 8080}],
    "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": 1, "memory": "2Gi"}},
    "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
}
TEMPLATE: Manifest = {
    "metadata": {"labels": POD_LABELS, "annotations": {"example.com/checksum": "1"}},
    "spec": {"containers": [CONTAINER], "volumes": [{"name": "scratch", "emptyDir": {}}]},
}


def built(api_version: str, kind: str, spec: Manifest | None = None, **other: Any) -> Manifest:
    body = {} if spec is None else {"spec": spec}
    meta = {"name": "example", "namespace": "team", "labels": {"app": "x"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body, **other}


def cluster_wide(manifest: Manifest) -> Manifest:
    manifest["metadata"].pop("namespace")
    return manifest


DEPLOYMENT = built(
    "apps/v1",
    "Deployment",
    {
        "replicas": 2,
        "selector": {"matchLabels": POD_LABELS},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": TEMPLATE,
    },
)
SERVICE = built("v1", "Service", {"selector": POD_LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]})
ROLE = built(
    "rbac.authorization.k8s.io/v1", "Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
)
CRD = cluster_wide(
    built(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {
            "group": "example.com",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    )
)
CRD["metadata"]["name"] = "things.example.com"

BUILTIN: list[Manifest] = [
    DEPLOYMENT,
    SERVICE,
    ROLE,
    CRD,
    built("v1", "ConfigMap", data={"a.yaml": "b"}),
    built("v1", "Secret", data={"key": "YQ=="}, type="Opaque"),
    built("v1", "ServiceAccount", automountServiceAccountToken=False),
    cluster_wide(built("v1", "Namespace")),
    built(
        "v1",
        "PersistentVolumeClaim",
        {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "x"},
    ),
    built(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
        subjects=[{"kind": "ServiceAccount", "name": "x", "namespace": "team"}],
    ),
    built(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {
            "podSelector": {"matchLabels": POD_LABELS},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080, "protocol": "TCP"}]}],
        },
    ),
    built("policy/v1", "PodDisruptionBudget", {"minAvailable": "50%", "selector": {"matchLabels": POD_LABELS}}),
    built(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                }
            ],
        },
    ),
    built(
        "batch/v1",
        "Job",
        {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}},
    ),
    built(
        "apps/v1",
        "StatefulSet",
        {
            "serviceName": "db",
            "selector": {"matchLabels": POD_LABELS},
            "template": TEMPLATE,
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }
            ],
        },
    ),
    {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": "u", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "team"}},
    },
]

TRAIN_JOB = built(
    "trainer.kubeflow.org/v1alpha1",
    "TrainJob",
    {
        "runtimeRef": {"name": "torch"},
        "trainer": {
            "image": "example.com/train:1",
            "numNodes": 2,
            "command": ["python", "-m", "train"],
            "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            "resourcesPerNode": {"requests": {"cpu": "500m"}, "limits": {"nvidia.com/gpu": 1}},
        },
        "runtimePatches": [
            {
                "manager": "easymaker.example.com/adapter",
                "trainingRuntimeSpec": {
                    "template": {
                        "spec": {
                            "replicatedJobs": [
                                {
                                    "name": "node",
                                    "template": {
                                        "spec": {
                                            "template": {"spec": {"nodeSelector": {"kind": "gpu"}}},
                                        }
                                    },
                                }
                            ]
                        }
                    }
                },
            }
        ],
    },
)
INFERENCE_SERVICE = built(
    "serving.kserve.io/v1beta1",
    "InferenceService",
    {
        "predictor": {
            "minReplicas": 1,
            "maxReplicas": 3,
            "model": {
                "modelFormat": {"name": "sklearn"},
                "runtime": "easymaker-sklearn",
                "storageUri": "s3://bucket/model",
                "resources": {"limits": {"cpu": "1", "memory": "2Gi"}},
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            },
        }
    },
)
ROUTE = built(
    "gateway.networking.k8s.io/v1",
    "HTTPRoute",
    {
        "parentRefs": [{"name": "gateway", "namespace": "istio-system"}],
        "hostnames": ["a.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/v1/models"}}],
                "filters": [
                    {
                        "type": "URLRewrite",
                        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
                    }
                ],
                "backendRefs": [{"name": "a", "port": 80, "weight": 90}, {"name": "b", "port": 80, "weight": 10}],
                "timeouts": {"request": "10s", "backendRequest": "5s"},
            }
        ],
    },
)
VIRTUAL_SERVICE = built(
    "networking.istio.io/v1",
    "VirtualService",
    {
        "hosts": ["a.example.com"],
        "gateways": ["kubeflow/gateway"],
        "http": [
            {
                "match": [{"uri": {"prefix": "/a/"}}],
                "route": [{"destination": {"host": "b", "port": {"number": 80}}}],
                "timeout": "30s",
            }
        ],
    },
)
SERVING_SPEC: Manifest = {
    "supportedModelFormats": [{"name": "sklearn", "version": "1", "autoSelect": True}],
    "protocolVersions": ["v2"],
    "containers": [{"name": "kserve-container", "image": "x", "args": ["--port=8080"]}],
}
RUNTIME_SPEC: Manifest = {
    "mlPolicy": {"numNodes": 1, "torch": {}},
    "template": {
        "spec": {
            "replicatedJobs": [
                {
                    "name": "node",
                    "template": {
                        "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                        "spec": {"template": {"spec": {"containers": [{"name": "node", "image": "x"}]}}},
                    },
                }
            ]
        }
    },
}
EXPERIMENT = built(
    "kubeflow.org/v1beta1",
    "Experiment",
    {
        "objective": {"type": "maximize", "objectiveMetricName": "accuracy"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 1,
        "maxTrialCount": 2,
        "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.01", "max": "0.1"}}],
        "trialTemplate": {
            "primaryContainerName": "node",
            "trialParameters": [{"name": "lr", "reference": "lr"}],
            "trialSpec": {
                "apiVersion": "trainer.kubeflow.org/v1alpha1",
                "kind": "TrainJob",
                "spec": {"runtimeRef": {"name": "torch"}, "trainer": {"args": ["--lr=${trialParameters.lr}"]}},
            },
        },
    },
)

CUSTOM: list[Manifest] = [
    TRAIN_JOB,
    INFERENCE_SERVICE,
    ROUTE,
    VIRTUAL_SERVICE,
    EXPERIMENT,
    built("trainer.kubeflow.org/v1alpha1", "TrainingRuntime", RUNTIME_SPEC),
    cluster_wide(built("trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime", RUNTIME_SPEC)),
    built("serving.kserve.io/v1alpha1", "ServingRuntime", SERVING_SPEC),
    cluster_wide(built("serving.kserve.io/v1alpha1", "ClusterServingRuntime", SERVING_SPEC)),
    cluster_wide(
        built(
            "serving.kserve.io/v1alpha1",
            "ClusterStorageContainer",
            {"container": {"name": "storage", "image": "x"}, "supportedUriFormats": [{"prefix": "obs://"}]},
        )
    ),
    built(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        {
            "gatewayClassName": "istio",
            "listeners": [
                {
                    "name": "https",
                    "port": 443,
                    "protocol": "HTTPS",
                    "tls": {"mode": "Terminate", "certificateRefs": [{"name": "certificate"}]},
                }
            ],
        },
    ),
    built(
        "gateway.networking.k8s.io/v1beta1",
        "ReferenceGrant",
        {
            "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "a"}],
            "to": [{"group": "", "kind": "Service"}],
        },
    ),
    built("tensorboard.kubeflow.org/v1alpha1", "Tensorboard", {"logspath": "pvc://logs/a"}),
    built(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        {
            "selector": {"matchLabels": POD_LABELS},
            "action": "ALLOW",
            "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/a/sa/b"]}}]}],
        },
    ),
    cluster_wide(
        built("kubeflow.org/v1", "Profile", {"owner": {"kind": "User", "name": "user@example.com"}, "plugins": []})
    ),
]


def changed(manifest: Manifest, path: tuple[str | int, ...], value: Any) -> Manifest:
    """A copy with one value replaced or added."""
    copied, place = _place(manifest, path)
    if isinstance(place, list):
        # An index behind the last one adds.
        index = int(path[-1])
        place[index : index + 1] = [value]
    else:
        place[path[-1]] = value
    return copied


def without(manifest: Manifest, path: tuple[str | int, ...]) -> Manifest:
    copied, place = _place(manifest, path)
    del place[path[-1]]
    return copied


def _place(manifest: Manifest, path: tuple[str | int, ...]) -> tuple[Manifest, Any]:
    copied = copy.deepcopy(manifest)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    return copied, place
