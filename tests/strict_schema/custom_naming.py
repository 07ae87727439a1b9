"""Names of custom resources: those that become names of Services or namespaces have to follow their rules too."""

from tests.strict_schema.crds import CustomKind
from tests.strict_schema.metadata import Naming
from tests.strict_schema.names import LABEL_1035, Check, by_pattern, dns_1035_label, dns_label, dns_subdomain

CHECKS: dict[tuple[str, str], Check] = {
    # Its webhook refuses others: the name becomes a host name.
    ("serving.kserve.io", "InferenceService"): dns_1035_label,
    # Katib's webhook; names of trials and jobs are made of it.
    ("kubeflow.org", "Experiment"): by_pattern(LABEL_1035, 40, "name of a Katib experiment"),
    # The name becomes a namespace.
    ("kubeflow.org", "Profile"): dns_label,
    # Their names become names of Services and Deployments.
    ("kubeflow.org", "Notebook"): by_pattern(LABEL_1035, 52, "name of a notebook"),
    ("tensorboard.kubeflow.org", "Tensorboard"): dns_1035_label,
}


def custom_naming(custom: CustomKind) -> Naming:
    return Naming(CHECKS.get((custom.group, custom.kind), dns_subdomain), custom.namespaced)
