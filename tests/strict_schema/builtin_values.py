"""What the API server checks in code and its OpenAPI definitions leave out: enumerations, names, cluster scope."""

from typing import Any

from tests.strict_schema.metadata import Naming
from tests.strict_schema.names import Check, dns_1035_label, dns_label, dns_subdomain, path_segment
from tests.strict_schema.node import NAMES


def one_of(*values: str) -> dict[str, Any]:
    return {"enum": list(values)}


def named(check: str) -> dict[str, Any]:
    return {NAMES: check}


PROTOCOL = one_of("TCP", "UDP", "SCTP")
PORT = {"minimum": 1, "maximum": 65535}
POLICY = one_of("Always", "Never", "IfNotPresent")
NOT_NEGATIVE = {"minimum": 0}
LABELS = {"additionalProperties": {"type": "string", **named("label_value")}}
CONTAINER = {
    "name": named("dns_label"),
    "imagePullPolicy": POLICY,
    "terminationMessagePolicy": one_of("File", "FallbackToLogsOnError"),
}
ROLE_REF = {"kind": one_of("Role", "ClusterRole"), "apiGroup": one_of("rbac.authorization.k8s.io")}

FIELD_SCHEMAS: dict[str, dict[str, dict[str, Any]]] = {
    "apps.v1.DeploymentSpec": {"replicas": NOT_NEGATIVE},
    "apps.v1.DeploymentStrategy": {"type": one_of("Recreate", "RollingUpdate")},
    "apps.v1.StatefulSetSpec": {
        "replicas": NOT_NEGATIVE,
        "podManagementPolicy": one_of("OrderedReady", "Parallel"),
    },
    "autoscaling.v2.CrossVersionObjectReference": {"kind": {"minLength": 1}, "name": {"minLength": 1}},
    "autoscaling.v2.HorizontalPodAutoscalerSpec": {"maxReplicas": {"minimum": 1}, "minReplicas": {"minimum": 0}},
    "autoscaling.v2.MetricSpec": {"type": one_of("ContainerResource", "External", "Object", "Pods", "Resource")},
    "autoscaling.v2.MetricTarget": {"type": one_of("Utilization", "Value", "AverageValue")},
    "batch.v1.JobSpec": {
        "backoffLimit": NOT_NEGATIVE,
        "completionMode": one_of("NonIndexed", "Indexed"),
        "completions": NOT_NEGATIVE,
        "parallelism": NOT_NEGATIVE,
        "ttlSecondsAfterFinished": NOT_NEGATIVE,
    },
    "batch.v1.CronJobSpec": {"concurrencyPolicy": one_of("Allow", "Forbid", "Replace")},
    "core.v1.Container": CONTAINER,
    "core.v1.ContainerPort": {"containerPort": PORT, "name": named("port_name"), "protocol": PROTOCOL},
    "core.v1.EnvVar": {"name": named("variable_name")},
    "core.v1.EphemeralContainer": CONTAINER,
    "core.v1.HTTPGetAction": {"scheme": one_of("HTTP", "HTTPS")},
    "core.v1.NodeSelectorRequirement": {
        "key": named("label_key"),
        "operator": one_of("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    },
    "core.v1.PersistentVolumeClaimSpec": {
        "accessModes": {
            "items": {
                "type": "string",
                **one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
            }
        },
        "volumeMode": one_of("Block", "Filesystem"),
    },
    "core.v1.PodSpec": {
        "containers": {"minItems": 1},
        "dnsPolicy": one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "nodeSelector": LABELS,
        "restartPolicy": one_of("Always", "OnFailure", "Never"),
    },
    "core.v1.SeccompProfile": {"type": one_of("Localhost", "RuntimeDefault", "Unconfined")},
    "core.v1.ServicePort": {"name": named("dns_label"), "port": PORT, "protocol": PROTOCOL},
    "core.v1.ServiceSpec": {
        "selector": LABELS,
        "sessionAffinity": one_of("None", "ClientIP"),
        "type": one_of("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    },
    "core.v1.Toleration": {
        "effect": one_of("", "NoSchedule", "PreferNoSchedule", "NoExecute"),
        "operator": one_of("", "Exists", "Equal", "Lt", "Gt"),
    },
    "core.v1.Volume": {"name": named("dns_label")},
    "networking.v1.NetworkPolicyPort": {"protocol": PROTOCOL},
    "networking.v1.NetworkPolicySpec": {
        "policyTypes": {"items": {"type": "string", **one_of("Ingress", "Egress")}},
    },
    "rbac.v1.ClusterRoleBinding": {},
    "rbac.v1.PolicyRule": {"verbs": {"minItems": 1}},
    "rbac.v1.RoleRef": ROLE_REF,
    "rbac.v1.Subject": {"kind": one_of("User", "Group", "ServiceAccount")},
}

CLUSTER_SCOPED = {
    "APIService", "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode", "CustomResourceDefinition",
    "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass",
    "RuntimeClass", "SelfSubjectAccessReview", "StorageClass", "SubjectAccessReview", "TokenReview",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    "VolumeAttachment",
}  # fmt: skip
# Requests in the shape of an object: nothing is stored, so they need no name.
NAMELESS = {
    "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectReview", "SelfSubjectRulesReview",
    "SubjectAccessReview", "TokenRequest", "TokenReview", "DeleteOptions",
}  # fmt: skip
NAME_CHECKS: dict[str, Check] = {
    "ClusterRole": path_segment,
    "ClusterRoleBinding": path_segment,
    "Namespace": dns_label,
    "Role": path_segment,
    "RoleBinding": path_segment,
    "Service": dns_1035_label,
    # Their names become label values or host names of pods.
    "CronJob": dns_label,
    "Job": dns_label,
    "StatefulSet": dns_label,
}


def builtin_naming(kind: str) -> Naming:
    check = NAME_CHECKS.get(kind, dns_subdomain)
    return Naming(check, namespaced=kind not in CLUSTER_SCOPED, embedded=kind in NAMELESS)
