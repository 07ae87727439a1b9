"""What an object may hold that is sent to the cluster, kind by kind, as data.

A table is an object with exactly these fields, all optional; a list holds items of its one rule. A mapping that sets a
new field needs a line here, and whoever adds it should ask what a user could do with it.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from adapters.easymaker.engines.cluster.api_resources import (
    CONFIG_MAP,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KATIB_EXPERIMENT,
    SECRET,
    TENSORBOARD,
    TRAIN_JOB,
    VIRTUAL_SERVICE,
    VOLUME_CLAIM,
    ApiResource,
)
from adapters.easymaker.engines.cluster.mapping.trial_commands import FORWARDING
from adapters.easymaker.engines.cluster.names import DOMAIN, MANAGED_BY, MANAGER


@dataclass(frozen=True)
class Text:
    """A text that fits the pattern as a whole; ``{namespace}`` in it is the object's own."""

    pattern: str = ".*"


@dataclass(frozen=True)
class Keys:
    """A map whose keys fit the pattern."""

    pattern: str
    value: "Rule"


@dataclass(frozen=True)
class OneOf:
    rules: tuple["Rule", ...]


@dataclass(frozen=True)
class Setting:
    """Exactly what this field of ClusterSettings says. Of NAMESPACE/NAME, ``shape`` tells how the parts are written."""

    field: str
    shape: str = "{0}"


@dataclass(frozen=True)
class Just:
    """This value only."""

    value: bool


NUMBER: Final = "number"
REAL: Final = "real"
FLAG: Final = "flag"
Rule: TypeAlias = (
    "dict[str, Rule] | list[Rule] | Keys | OneOf | Setting | Text | Just | Literal['number', 'real', 'flag']"
)

ANY = Text()
LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
OURS = Text(r"em-[-a-z0-9]{1,60}")
DNS_NAME = Text(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
QUANTITY = Text(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
DURATION = Text(r"([0-9]+(\.[0-9]+)?(h|m|s|ms))+")
PREDICTOR = r"em-[-a-z0-9]{1,50}-predictor"
# A gateway that serves the whole cluster tells models apart by this name: it may be no other namespace's.
PREDICTOR_HOST = Text(PREDICTOR + r"\.{namespace}\.svc\.cluster\.local")
# Below an endpoint, so that no route takes a path of Kubeflow or of the adapter itself.
PUBLISHED = Text(r"/[-\w]{1,64}/(stages/[a-z0-9]{1,30}|default)(/.*)?")
PUBLISHED_PATTERN = Text(r"/[-\w\\]{1,80}/(stages/[a-z0-9]{1,30}|default)(/.*)?")
# Absolute, below the launcher's directory, without a segment that leads elsewhere.
MOUNT_PATH = Text(r"/easymaker(/(?!\.\.?(/|$))[-\w.]+)+/?")
WORD = Text(r"[-\w.,:/=$()@+]*")
ID = Text(r"[A-Za-z0-9][-A-Za-z0-9_]{0,62}")

LABELS = Keys(
    rf"{MANAGED_BY}|{DOMAIN}/[a-z-]+".replace(".", r"\."), Text(rf"{MANAGER}|([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?")
)
ANNOTATIONS = Keys(rf"{DOMAIN}/[a-z-]+".replace(".", r"\."), ANY)
OWNER: dict[str, Rule] = {
    "apiVersion": ANY,
    "kind": Text("ConfigMap|Experiment|HTTPRoute|InferenceService|Tensorboard|TrainJob|VirtualService"),
    "name": OURS,
    "uid": ID,
    "blockOwnerDeletion": FLAG,
}
METADATA: dict[str, Rule] = {
    "name": OURS,
    "namespace": Text(LABEL),
    "labels": LABELS,
    "annotations": ANNOTATIONS,
    "ownerReferences": [OWNER],
}


def _object(metadata: dict[str, Rule] = METADATA, **fields: Rule) -> dict[str, Rule]:
    # apiVersion and kind have led to this table.
    return {"apiVersion": ANY, "kind": ANY, "metadata": metadata, **fields}


CLAIM: dict[str, Rule] = {
    "accessModes": [Text("ReadWriteOnce|ReadWriteMany|ReadWriteOncePod|ReadOnlyMany")],
    "resources": {"requests": {"storage": QUANTITY}},
    "storageClassName": DNS_NAME,
}
AMOUNTS = Keys(r"cpu|memory|ephemeral-storage|[a-z0-9.-]+/[a-z0-9.-]+", QUANTITY)
RESOURCES: dict[str, Rule] = {"requests": AMOUNTS, "limits": AMOUNTS}
NODE_SELECTOR = Keys(r"([a-z0-9][-a-z0-9.]{0,252}/)?[A-Za-z0-9][-\w.]{0,62}", Text(r"[-\w.]{0,63}"))
TOLERATIONS: list[Rule] = [
    {"key": ANY, "operator": Text("Equal|Exists"), "value": ANY, "effect": ANY, "tolerationSeconds": NUMBER}
]
ENV: list[Rule] = [
    OneOf(
        (
            {"name": Text(r"[A-Za-z_]\w*"), "value": ANY},
            {
                "name": Text(r"[A-Za-z_]\w*"),
                "valueFrom": {
                    "secretKeyRef": {
                        "name": Text(r"em-[-a-z0-9]{1,50}-secret"),
                        "key": Text(r"[-\w.]+"),
                        "optional": FLAG,
                    }
                },
            },
        )
    )
]

VOLUMES: list[Rule] = [
    OneOf(
        (
            {"name": Text(LABEL), "configMap": {"name": OURS, "defaultMode": NUMBER}},
            {
                "name": Text(LABEL),
                "persistentVolumeClaim": {"claimName": Text(r"(em|nas)-[-a-z0-9]{1,250}"), "readOnly": FLAG},
            },
            {"name": Text(LABEL), "emptyDir": {"sizeLimit": QUANTITY}},
            {
                "name": Text(LABEL),
                "ephemeral": {"volumeClaimTemplate": {"metadata": {"labels": LABELS}, "spec": CLAIM}},
            },
        )
    )
]
TRAINING_POD: dict[str, Rule] = {
    "serviceAccountName": Setting("job_service_account"),
    "nodeSelector": NODE_SELECTOR,
    "tolerations": TOLERATIONS,
    "terminationGracePeriodSeconds": NUMBER,
    "volumes": VOLUMES,
    "containers": [
        {
            "name": Text("node"),
            "env": ENV,
            "volumeMounts": [{"name": Text(LABEL), "mountPath": MOUNT_PATH, "subPath": ID, "readOnly": FLAG}],
        }
    ],
}
POD_LABELS: dict[str, Rule] = {"labels": LABELS}
TRAINER: dict[str, Rule] = {
    "image": Text(r"[-\w./:@]+"),
    "command": [WORD],
    "args": [WORD],
    "env": ENV,
    "numNodes": NUMBER,
    "numProcPerNode": NUMBER,
    "resourcesPerNode": RESOURCES,
}
TRAINING: dict[str, Rule] = {
    "suspend": FLAG,
    "activeDeadlineSeconds": NUMBER,
    "runtimeRef": {
        "apiGroup": Text(TRAIN_JOB.group),
        "kind": Text("ClusterTrainingRuntime"),
        "name": OneOf((Setting("plain_runtime"), Setting("torch_runtime"))),
    },
    "trainer": TRAINER,
    "runtimePatches": [
        {
            "manager": Text(f"{DOMAIN}/adapter"),
            "trainingRuntimeSpec": {
                "template": {
                    "metadata": POD_LABELS,
                    "spec": {
                        "replicatedJobs": [
                            {
                                "name": Text("node"),
                                "template": {
                                    "metadata": POD_LABELS,
                                    "spec": {"template": {"metadata": POD_LABELS, "spec": TRAINING_POD}},
                                },
                            }
                        ]
                    },
                }
            },
        }
    ],
}

# A line of a shell: words without any meaning to it but what Kubernetes and Katib replace before it sees them.
PLACEHOLDER = r"\$\(JOB_COMPLETION_INDEX\)|\$\{trialParameters\.(trial|p[0-9]+)\}"
LINE = Text(re.escape(FORWARDING) + rf"((?:{PLACEHOLDER}|[-\w.,:/=%@+])+ ?)*")
TRIAL_TRAINER: dict[str, Rule] = {**TRAINER, "command": [Text("sh|-c")], "args": [LINE]}
DECIMAL = Text(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")
METRIC = Text("[^;]+")
OBJECTIVE: dict[str, Rule] = {
    "type": Text("minimize|maximize"),
    "goal": OneOf((NUMBER, REAL)),
    "objectiveMetricName": METRIC,
    "additionalMetricNames": [METRIC],
    "metricStrategies": [{"name": METRIC, "value": Text("min|max")}],
}
PARAMETERS: list[Rule] = [
    {
        "name": ANY,
        "parameterType": Text("double|int|discrete|categorical"),
        "feasibleSpace": {
            "distribution": Text("uniform|logUniform|normal|logNormal"),
            "min": DECIMAL,
            "max": DECIMAL,
            "step": DECIMAL,
            # Katib fills these into the line: percent-encoded.
            "list": [Text(r"[-\w.,:/%@+]*")],
        },
    }
]
COLLECTOR: dict[str, Rule] = {
    "collector": {"kind": Text("File")},
    "source": {
        "fileSystemPath": {"kind": Text("File"), "path": Text(r"/var/log/katib/[a-z.]+"), "format": Text("TEXT")},
        # Several patterns are separated by semicolons.
        "filter": {"metricsFormat": [Text("[^;]+")]},
    },
}
TRIAL_JOB: dict[str, Rule] = {
    "apiVersion": Text(re.escape(TRAIN_JOB.api_version)),
    "kind": Text(TRAIN_JOB.kind),
    "metadata": {"labels": LABELS},
    "spec": {**TRAINING, "trainer": TRIAL_TRAINER},
}
TRIAL_TEMPLATE: dict[str, Rule] = {
    "retain": FLAG,
    "primaryContainerName": Text("node"),
    "primaryPodLabels": Keys(r"(jobset\.sigs|batch)\.(k8s|kubernetes)\.io/[-a-z]+", Text("[a-z0-9]+")),
    "successCondition": ANY,
    "failureCondition": ANY,
    "trialParameters": [
        {
            "name": Text(r"trial|p[0-9]+"),
            "reference": OneOf((Text(r"\$\{trialSpec\.Name\}"), Text(r"(?!.*\$\{trialSpec\.).+"))),
        }
    ],
    "trialSpec": TRIAL_JOB,
}
ALGORITHM: dict[str, Rule] = {"algorithmName": Text(LABEL), "algorithmSettings": [{"name": ANY, "value": ANY}]}
TUNING: dict[str, Rule] = {
    "objective": OBJECTIVE,
    "algorithm": ALGORITHM,
    "earlyStopping": ALGORITHM,
    "parallelTrialCount": NUMBER,
    "maxTrialCount": NUMBER,
    "maxFailedTrialCount": NUMBER,
    "resumePolicy": Text("Never"),
    "parameters": PARAMETERS,
    "metricsCollectorSpec": COLLECTOR,
    "trialTemplate": TRIAL_TEMPLATE,
}

SERVER_ANNOTATIONS = Keys(
    rf"{ANNOTATIONS.pattern}|serving\.kserve\.io/(deploymentMode|autoscalerClass|metric|targetUtilizationPercentage)"
    r"|autoscaling\.knative\.dev/(class|metric|target|target-utilization-percentage|min-scale|max-scale|initial-scale)",
    ANY,
)
SERVER_LABELS = Keys(rf"{LABELS.pattern}|networking\.(kserve\.io|knative\.dev)/visibility", LABELS.value)
MODEL: dict[str, Rule] = {
    "modelFormat": {"name": Text(r"[-\w.]+"), "version": Text(r"[-\w.]+")},
    "runtime": Text(rf"{LABEL}"),
    "protocolVersion": Text("v1|v2"),
    # A claim of ours or of a NAS, or our object storage; never a path of the node or somebody's web server.
    "storageUri": Text(r"pvc://(em|nas)-[-a-z0-9]{1,250}(/.*)?|obs://.*"),
    "args": [ANY],
    "env": ENV,
    "resources": RESOURCES,
}
SERVER: dict[str, Rule] = {
    "predictor": {
        "serviceAccountName": Setting("model_service_account"),
        "automountServiceAccountToken": Just(False),
        "labels": SERVER_LABELS,
        "annotations": SERVER_ANNOTATIONS,
        "nodeSelector": NODE_SELECTOR,
        "tolerations": TOLERATIONS,
        "minReplicas": NUMBER,
        "maxReplicas": NUMBER,
        "scaleMetric": Text("cpu|memory|concurrency|rps"),
        "scaleMetricType": Text("Utilization|AverageValue"),
        "scaleTarget": NUMBER,
        "containerConcurrency": NUMBER,
        "timeout": NUMBER,
        "terminationGracePeriodSeconds": NUMBER,
        "deploymentStrategy": {
            "type": Text("RollingUpdate|Recreate"),
            "rollingUpdate": {"maxSurge": OneOf((NUMBER, ANY)), "maxUnavailable": OneOf((NUMBER, ANY))},
        },
        "model": MODEL,
    }
}

ROUTE_FILTERS: list[Rule] = [
    # Neither a mirror nor a redirect: a route leads to the model and nowhere else.
    {
        "type": Text("URLRewrite|RequestHeaderModifier"),
        "urlRewrite": {
            "hostname": PREDICTOR_HOST,
            "path": {
                "type": Text("ReplaceFullPath|ReplacePrefixMatch"),
                "replaceFullPath": ANY,
                "replacePrefixMatch": ANY,
            },
        },
        "requestHeaderModifier": {"set": [{"name": Text("Host"), "value": PREDICTOR_HOST}]},
    }
]
BACKEND: dict[str, Rule] = {
    "group": Text(""),
    "kind": Text("Service"),
    "port": NUMBER,
    "weight": NUMBER,
    "filters": ROUTE_FILTERS,
}
BACKENDS: list[Rule] = [
    OneOf(
        (
            BACKEND | {"name": Text(PREDICTOR)},
            BACKEND | {"name": Setting("knative_gateway", "{1}"), "namespace": Setting("knative_gateway", "{0}")},
        )
    )
]
HTTP_ROUTE_SPEC: dict[str, Rule] = {
    "parentRefs": [
        {
            "group": Text(r"gateway\.networking\.k8s\.io"),
            "kind": Text("Gateway"),
            "namespace": Setting("gateway", "{0}"),
            "name": Setting("gateway", "{1}"),
            "sectionName": Text(LABEL),
        }
    ],
    "hostnames": [Setting("gateway_host")],
    "rules": [
        {
            "name": Text(LABEL),
            "matches": [
                {
                    "path": {"type": Text("Exact|PathPrefix"), "value": PUBLISHED},
                    "method": Text("[A-Z]+"),
                }
            ],
            "filters": ROUTE_FILTERS,
            "backendRefs": BACKENDS,
            "timeouts": {"request": DURATION, "backendRequest": DURATION},
        }
    ],
}
VIRTUAL_SERVICE_SPEC: dict[str, Rule] = {
    "hosts": [Setting("gateway_host")],
    "gateways": [Setting("gateway", "{0}/{1}")],
    "http": [
        {
            "name": Text(r"[-\w.]+"),
            "match": [
                {
                    "uri": {"exact": PUBLISHED, "prefix": PUBLISHED, "regex": PUBLISHED_PATTERN},
                    "method": {"exact": Text("[A-Z]+")},
                }
            ],
            "rewrite": {"uri": ANY, "uriRegexRewrite": {"match": ANY, "rewrite": ANY}},
            "route": [
                {
                    "destination": {
                        "host": OneOf((PREDICTOR_HOST, Setting("knative_gateway", "{1}.{0}.svc.cluster.local"))),
                        "port": {"number": NUMBER},
                    },
                    "weight": NUMBER,
                    "headers": {"request": {"set": Keys("Host", PREDICTOR_HOST)}},
                }
            ],
            "timeout": DURATION,
            "retries": {"attempts": NUMBER, "perTryTimeout": DURATION, "retryOn": Text(r"[-a-z,]+")},
        }
    ],
}

ALLOWED: dict[ApiResource, dict[str, Rule]] = {
    CONFIG_MAP: _object(data=Keys(r"[-\w.]{1,253}", ANY)),
    # Only of this type: others are credentials to Kubernetes, which it issues for the asking.
    SECRET: _object(
        METADATA | {"name": Text(r"em-[-a-z0-9]{1,50}-secret")},
        type=Text("Opaque"),
        data=Keys(r"[-\w.]{1,253}", Text(r"[A-Za-z0-9+/]*={0,2}")),
    ),
    VOLUME_CLAIM: _object(spec=CLAIM),
    TRAIN_JOB: _object(spec=TRAINING),
    KATIB_EXPERIMENT: _object(spec=TUNING),
    TENSORBOARD: _object(spec={"logspath": Text(r"pvc://em-[-a-z0-9]{1,60}/?")}),
    INFERENCE_SERVICE: _object(METADATA | {"annotations": SERVER_ANNOTATIONS, "labels": SERVER_LABELS}, spec=SERVER),
    HTTP_ROUTE: _object(spec=HTTP_ROUTE_SPEC),
    VIRTUAL_SERVICE: _object(spec=VIRTUAL_SERVICE_SPEC),
}
