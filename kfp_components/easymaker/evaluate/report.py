"""An evaluation in Markdown, for the UI of Kubeflow Pipelines and for people."""

from kfp_components.easymaker.evaluate.classification import Classification
from kfp_components.easymaker.evaluate.evaluation import Evaluation
from kfp_components.easymaker.runs.markdown import table

# More classes than these make no table that anybody reads.
MOST_CLASSES = 30


def markdown(evaluation: Evaluation) -> str:
    metrics = table(("metric", "value"), [(name, f"{value:.6g}") for name, value in evaluation.metrics.items()])
    told = f"{evaluation.count} predictions. {evaluation.primary_metric}: **{evaluation.primary_value:.6g}**"
    parts = ["# Evaluation", told, metrics]
    if evaluation.classification is not None:
        parts += _classes(evaluation.classification)
    return "\n\n".join(parts) + "\n"


def _classes(found: Classification) -> list[str]:
    scores = [
        (score.name, f"{score.precision:.4f}", f"{score.recall:.4f}", f"{score.f1:.4f}", score.support)
        for score in found.scores[:MOST_CLASSES]
    ]
    parts = ["## Classes", table(("class", "precision", "recall", "F1", "count"), scores)]
    if len(found.classes) <= MOST_CLASSES:
        rows = [(name, *row) for name, row in zip(found.classes, found.confusion, strict=True)]
        parts += ["## Confusion matrix", "Rows are true classes, columns predicted ones."]
        parts.append(table(("", *found.classes), rows))
    return parts
