"""What the UI of Kubeflow Pipelines draws of a classification."""

from typing import Any, Protocol

from kfp_components.easymaker.evaluate.classification import Classification

# The whole curve of a large data set would be megabytes of metadata.
MOST_POINTS = 200


class Charts(Protocol):
    """kfp's ClassificationMetrics."""

    def log_confusion_matrix(self, categories: list[str], matrix: list[list[int]]) -> Any: ...

    def log_roc_curve(self, fpr: list[float], tpr: list[float], threshold: list[float]) -> Any: ...


def fill(charts: Charts, found: Classification) -> None:
    charts.log_confusion_matrix(list(found.classes), [list(row) for row in found.confusion])
    if found.curve is not None and found.roc_area is not None:
        curve = found.curve.thinned(MOST_POINTS)
        thresholds = [point.threshold for point in curve.points]
        charts.log_roc_curve(curve.false_positive_rates(), curve.recalls(), thresholds)
