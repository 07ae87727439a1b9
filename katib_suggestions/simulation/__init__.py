"""Runs an experiment against a Python function, with no cluster: the same algorithms, the same rules, no pods."""

from katib_suggestions.simulation.run import Asking, Result, SimulatedTrial, simulate

__all__ = ["Asking", "Result", "SimulatedTrial", "simulate"]
