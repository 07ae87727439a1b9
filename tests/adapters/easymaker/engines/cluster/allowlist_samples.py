"""One right object of every kind that the engine sends, with every field that the allowlist names in use."""

from typing import Any

from adapters.easymaker.engines.cluster.mapping.trial_commands import shell_command

NAMESPACE = "team-a"
TRAINING = "3c2e1f5a-7d64-4b8e-9a51-0f6f0c1d2e3f"
ENDPOINT = "7d0b8a4c-5555-4666-8777-888899990000"
HOST = "em-abcdefghijklm-predictor.team-a.svc.cluster.local"


def _object(api_version: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/managed-by": "kubeflow-easymaker",
        "easymaker.kubeflow.org/kind": "training",
        "easymaker.kubeflow.org/resource-id": TRAINING,
    }
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "em-x", "uid": TRAINING, "blockOwnerDeletion": False}
    meta = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": labels,
        "annotations": {"easymaker.kubeflow.org/name": "Iris, 'second' <try>"},
        "ownerReferences": [owner],
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **fields}


def config_map() -> dict[str, Any]:
    return _object("v1", "ConfigMap", f"em-{TRAINING}-launcher", data={"launcher.json": "{}"})


def secret() -> dict[str, Any]:
    return _object("v1", "Secret", f"em-{TRAINING}-secret", type="Opaque", data={"token": "eA=="})


def volume_claim() -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10G"}},
        "storageClassName": "standard",
    }
    return _object("v1", "PersistentVolumeClaim", f"em-{TRAINING}-data", spec=spec)


def tensorboard() -> dict[str, Any]:
    spec = {"logspath": f"pvc://em-{TRAINING}-tensorboard/"}
    return _object("tensorboard.kubeflow.org/v1alpha1", "Tensorboard", f"em-{TRAINING}", spec=spec)


def training_pod() -> dict[str, Any]:
    claim = {"metadata": {"labels": {}}, "spec": volume_claim()["spec"]}
    return {
        "serviceAccountName": "easymaker-jobs",
        "nodeSelector": {"node.kubernetes.io/instance-type": "m2.c4m8"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "volumes": [
            {"name": "spec", "configMap": {"name": f"em-{TRAINING}-launcher"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "nas-data"}},
            {"name": "work", "emptyDir": {"sizeLimit": "50G"}},
            {"name": "each", "ephemeral": {"volumeClaimTemplate": claim}},
        ],
        "containers": [
            {
                "name": "node",
                "volumeMounts": [
                    {"name": "spec", "mountPath": "/easymaker/spec", "readOnly": True},
                    {"name": "data", "mountPath": "/easymaker/nas/data", "subPath": TRAINING},
                ],
            }
        ],
    }


def train_job() -> dict[str, Any]:
    amounts = {"cpu": "3500m", "memory": "7168Mi", "nvidia.com/gpu": "1"}
    job = {"name": "node", "template": {"spec": {"template": {"metadata": {"labels": {}}, "spec": training_pod()}}}}
    spec = {
        "suspend": False,
        "activeDeadlineSeconds": 3600,
        "runtimeRef": {
            "apiGroup": "trainer.kubeflow.org",
            "kind": "ClusterTrainingRuntime",
            "name": "easymaker-torch",
        },
        "trainer": {
            "image": "registry.example.com:5000/easymaker/train:1@sha256:00ff",
            "command": ["python", "-P", "-m", "kfp_components.easymaker.launcher"],
            "args": ["/easymaker/spec/launcher.json", "--node-rank", "$(JOB_COMPLETION_INDEX)"],
            "numNodes": 2,
            "numProcPerNode": 1,
            "resourcesPerNode": {"requests": amounts, "limits": dict(amounts)},
        },
        "runtimePatches": [
            {
                "manager": "easymaker.kubeflow.org/adapter",
                "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [job]}}},
            }
        ],
    }
    return _object("trainer.kubeflow.org/v1alpha1", "TrainJob", f"em-{TRAINING}", spec=spec)


def experiment() -> dict[str, Any]:
    job = train_job()
    job["spec"]["trainer"] |= {
        "command": ["sh", "-c"],
        "args": [shell_command(["python", "spec.json", "$(JOB_COMPLETION_INDEX)", "a%20b=${trialParameters.p0}"])[-1]],
    }
    settings = [{"name": "random_state", "value": "7"}]
    parameters = [
        {
            "name": "learning rate",
            "parameterType": "double",
            "feasibleSpace": {"min": "0", "max": "1e-05", "step": "0.1", "list": ["a%20b"], "distribution": "uniform"},
        }
    ]
    place = {"kind": "File", "path": "/var/log/katib/metrics.log", "format": "TEXT"}
    spec = {
        "objective": {
            "type": "maximize",
            "goal": 0.9,
            "objectiveMetricName": "accuracy",
            "additionalMetricNames": ["loss"],
            "metricStrategies": [{"name": "accuracy", "value": "max"}],
        },
        "algorithm": {"algorithmName": "random", "algorithmSettings": settings},
        "earlyStopping": {"algorithmName": "medianstop", "algorithmSettings": settings},
        "parallelTrialCount": 2,
        "maxTrialCount": 20,
        "maxFailedTrialCount": 3,
        "resumePolicy": "Never",
        "parameters": parameters,
        "metricsCollectorSpec": {
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": place, "filter": {"metricsFormat": [r"(\w+)=(\d+)"]}},
        },
        "trialTemplate": {
            "retain": True,
            "primaryContainerName": "node",
            "primaryPodLabels": {"batch.kubernetes.io/job-completion-index": "0"},
            "successCondition": 'status.conditions.#(type=="Complete")#',
            "failureCondition": 'status.conditions.#(type=="Failed")#',
            "trialParameters": [
                {"name": "trial", "reference": "${trialSpec.Name}"},
                {"name": "p0", "reference": "learning rate"},
            ],
            "trialSpec": {
                "apiVersion": job["apiVersion"],
                "kind": job["kind"],
                "metadata": {"labels": job["metadata"]["labels"]},
                "spec": job["spec"],
            },
        },
    }
    return _object("kubeflow.org/v1beta1", "Experiment", f"em-{TRAINING}", spec=spec)


def inference_service() -> dict[str, Any]:
    reference = {"name": f"em-{TRAINING}-secret", "key": "token"}
    predictor = {
        "serviceAccountName": "easymaker-models",
        "automountServiceAccountToken": False,
        "nodeSelector": {"pool": "cpu"},
        "tolerations": [{"key": "gpu", "operator": "Equal", "value": "yes", "tolerationSeconds": 5}],
        "minReplicas": 1,
        "maxReplicas": 3,
        "scaleMetric": "cpu",
        "scaleTarget": 50,
        "model": {
            "modelFormat": {"name": "sklearn"},
            "runtime": "easymaker-mlserver",
            "protocolVersion": "v2",
            "storageUri": "pvc://nas-models/iris",
            "args": ["--name", "iris"],
            "env": [
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": reference}},
                {"name": "MLSERVER_MODEL_NAME", "value": "iris"},
            ],
            "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        },
    }
    made = _object("serving.kserve.io/v1beta1", "InferenceService", "em-abcdefghijklm", spec={"predictor": predictor})
    made["metadata"]["labels"]["networking.kserve.io/visibility"] = "cluster-local"
    made["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] = "RawDeployment"
    return made


def http_route() -> dict[str, Any]:
    host = {"name": "Host", "value": HOST}
    own = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [host]}}
    rule = {
        "matches": [{"path": {"type": "Exact", "value": f"/{ENDPOINT}/stages/default/predict"}, "method": "POST"}],
        "filters": [
            {
                "type": "URLRewrite",
                "urlRewrite": {
                    "hostname": HOST,
                    "path": {"type": "ReplaceFullPath", "replaceFullPath": "/v2/models/iris/infer"},
                },
            }
        ],
        "backendRefs": [
            {"group": "", "kind": "Service", "name": "em-abcdefghijklm-predictor", "port": 80, "weight": 1},
            {
                "kind": "Service",
                "name": "knative-local-gateway",
                "namespace": "istio-system",
                "port": 80,
                "filters": [own],
            },
        ],
        "timeouts": {"request": "300s"},
    }
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "namespace": "kubeflow",
        "name": "easymaker-gateway",
    }
    spec = {"parentRefs": [parent], "hostnames": ["easymaker.example.com"], "rules": [rule]}
    return _object("gateway.networking.k8s.io/v1", "HTTPRoute", f"em-{ENDPOINT}-0011223344", spec=spec)


def virtual_service() -> dict[str, Any]:
    rule = {
        "match": [
            {"uri": {"exact": f"/{ENDPOINT}/default/predict"}, "method": {"exact": "POST"}},
            {"uri": {"regex": f"/{ENDPOINT}/default/([^/]+)".replace("-", "\\-")}, "method": {"exact": "GET"}},
        ],
        "rewrite": {"uri": "/v2/models/iris/infer"},
        "route": [
            {"destination": {"host": HOST, "port": {"number": 80}}, "weight": 1},
            {
                "destination": {
                    "host": "knative-local-gateway.istio-system.svc.cluster.local",
                    "port": {"number": 80},
                },
                "headers": {"request": {"set": {"Host": HOST}}},
            },
        ],
        "timeout": "300s",
        "retries": {"attempts": 4, "retryOn": "connect-failure,refused-stream"},
    }
    spec = {"hosts": ["easymaker.example.com"], "gateways": ["kubeflow/easymaker-gateway"], "http": [rule]}
    return _object("networking.istio.io/v1", "VirtualService", f"em-{ENDPOINT}-0011223344", spec=spec)


SAMPLES = (
    config_map,
    secret,
    volume_claim,
    tensorboard,
    train_job,
    experiment,
    inference_service,
    http_route,
    virtual_service,
)
