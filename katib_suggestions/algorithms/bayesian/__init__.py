"""Bayesian optimisation for mixed spaces, noisy objectives and parallel trials, on numpy alone."""

from katib_suggestions.algorithms.bayesian.algorithm import ALGORITHM

__all__ = ["ALGORITHM"]
