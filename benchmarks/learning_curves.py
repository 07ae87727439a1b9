"""Recorded learning curves: validation loss per epoch of small neural networks on scikit-learn's digits.

Run by an environment that has scikit-learn; writes one JSON object from "rate,width,batch" to the losses.
"""

import json
import sys

RATES = ("0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3")
WIDTHS = ("4", "16", "64")
BATCHES = ("16", "64", "256")
EPOCHS = 20


def record() -> dict[str, list[float]]:
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.metrics import log_loss
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    seen, held, seen_labels, held_labels = train_test_split(images / 16, labels, test_size=0.3, random_state=0)
    classes = numpy.arange(10)
    curves = {}
    for rate in RATES:
        for width in WIDTHS:
            for batch in BATCHES:
                network = MLPClassifier(
                    (int(width),), solver="sgd", learning_rate_init=float(rate), batch_size=int(batch), random_state=0
                )
                losses = []
                for _ in range(EPOCHS):
                    network.partial_fit(seen, seen_labels, classes=classes)
                    chances = network.predict_proba(held)
                    finite = numpy.isfinite(chances).all()
                    losses.append(float(log_loss(held_labels, chances, labels=classes)) if finite else 1e6)
                curves[f"{rate},{width},{batch}"] = losses
    return curves


if __name__ == "__main__":
    json.dump(record(), sys.stdout)
