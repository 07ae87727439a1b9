"""The component; README.md says how to use it."""

from kfp import dsl

from kfp_components.easymaker.images import COMPONENTS


@dsl.component(base_image=COMPONENTS, install_kfp_package=False)
def evaluate(
    predictions: dsl.Input[dsl.Artifact],
    target_field: str,
    metrics: dsl.Output[dsl.Metrics],
    classification_metrics: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.Markdown],
    objective: str = "CLASSIFICATION",
    file: str = "",
    prediction_field: str = "prediction",
    probabilities_field: str = "",
    class_names: list = [],  # noqa: B006
    primary_metric: str = "",
) -> float:
    """Compares predictions with what is true.

    Args:
        predictions: CSV, JSON lines or JSON, a file or a directory, as batch_inference writes them.
        target_field: Field with what is true; instance.species is the field species of the field instance.
        metrics: Every metric.
        classification_metrics: Confusion matrix, and ROC curve with probabilities; empty for a regression.
        report: All of it to read.
        objective: CLASSIFICATION or REGRESSION.
        file: Path in the artifact, such as predictions.jsonl that a program put beside its model; all of it if empty.
        prediction_field: Field with the prediction.
        probabilities_field: Field with one probability per class, in the order of class_names.
        class_names: The classes in the order of their numbers; those that occur, sorted, if empty.
        primary_metric: The metric to decide by; accuracy or rsquared if empty.

    Returns:
        The primary metric, for conditions.
    """
    from pathlib import Path

    from kfp_components.easymaker.evaluate import evaluation
    from kfp_components.easymaker.evaluate.charts import fill
    from kfp_components.easymaker.evaluate.report import markdown

    question = evaluation.Question(
        objective, target_field, prediction_field, probabilities_field, class_names, primary_metric
    )
    result = evaluation.evaluate(Path(predictions.path) / file, question)
    for name, value in result.metrics.items():
        metrics.log_metric(name, value)
    if result.classification is not None:
        fill(classification_metrics, result.classification)
    Path(report.path).write_text(markdown(result), encoding="utf-8")
    return result.primary_value
