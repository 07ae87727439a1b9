"""A mixed problem from scikit-learn: errors of support vector machines on the digits, as a table that is read between.

The table is made once, in an environment of its own (some minutes), and kept in the user's cache.
"""

import json
import math
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.suggestion_quality_environments import cache, python_with

SCIKIT_LEARN = "scikit-learn==1.9.1"
DEGREES = (2, 3, 4, 5)
# Powers of ten: of C, of gamma.
C_POWERS = [-3 + place / 2 for place in range(13)]
GAMMA_POWERS = [-4 + place / 2 for place in range(11)]

PROGRAM = """
import json, sys, warnings
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

warnings.simplefilter("ignore")
asked = json.load(sys.stdin)
x, y = load_digits(return_X_y=True)
x = x / 16
folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y))

def error(**settings):
    wrong = sum((SVC(max_iter=5000, **settings).fit(x[a], y[a]).predict(x[b]) != y[b]).sum() for a, b in folds)
    return float(wrong) / len(y)

print(json.dumps([
    [[error(kernel=kernel, degree=degree, C=10.0**c, gamma=10.0**g) for g in asked["gamma"]] for c in asked["C"]]
    for kernel, degree in asked["machines"]
]))
"""


@dataclass(frozen=True)
class Table:
    """`errors` by kernel, and for poly by degree: rows by C, columns by gamma. The least is one of them."""

    errors: Mapping[str, list[list[float]]]

    @classmethod
    def load(cls) -> "Table":
        kept = cache() / "svc-digits.json"
        if not kept.exists():
            machines = [("sigmoid", 3), ("rbf", 3), *(("poly", degree) for degree in DEGREES)]
            asked = {"C": C_POWERS, "gamma": GAMMA_POWERS, "machines": machines}
            python = str(python_with(SCIKIT_LEARN))
            done = subprocess.run(
                [python, "-c", PROGRAM], input=json.dumps(asked), capture_output=True, text=True, check=True
            )
            tables = dict(zip((_key(*machine) for machine in machines), json.loads(done.stdout), strict=True))
            kept.write_text(json.dumps(tables))
        return cls(json.loads(kept.read_text()))

    @property
    def least(self) -> float:
        return min(error for rows in self.errors.values() for row in rows for error in row)

    def error(self, assignments: Mapping[str, str]) -> float:
        rows = self.errors[_key(assignments["kernel"], int(assignments["degree"]))]
        row, down = _place(C_POWERS, math.log10(float(assignments["C"])))
        column, right = _place(GAMMA_POWERS, math.log10(float(assignments["gamma"])))
        upper = rows[row][column] * (1 - right) + rows[row][column + 1] * right
        lower = rows[row + 1][column] * (1 - right) + rows[row + 1][column + 1] * right
        return upper * (1 - down) + lower * down


def _key(kernel: str, degree: int) -> str:
    return f"{kernel} {degree}" if kernel == "poly" else kernel


def _place(powers: list[float], power: float) -> tuple[int, float]:
    """The cell, and how far into it."""
    steps = (power - powers[0]) / (powers[1] - powers[0])
    cell = min(len(powers) - 2, max(0, math.floor(steps)))
    return cell, min(1.0, max(0.0, steps - cell))
