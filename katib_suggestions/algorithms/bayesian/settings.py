"""The settings of Katib's own services for Bayesian optimisation and TPE: those with a meaning here, and the others."""

from katib_suggestions.algorithms.settings import Parse, SettingsTable, one_of, whole

INITIAL_POINTS = 8


def number(least: float, most: float, *, within: bool = False) -> Parse:
    """For a number within bounds; `within` leaves out the bounds themselves."""

    def parse(text: str) -> float:
        value = float(text)
        if not (least < value < most if within else least <= value <= most):
            raise ValueError(f"must be a number from {least} to {most}, but is {text!r}")
        return value

    return parse


_MODEL = "the model is always a Gaussian process, over subsets of the observations where there are many"
_ACQUISITION = "points are always chosen by the logarithm of the expected improvement"
_OPTIMIZER = "the acquisition function is always searched by sampling and then by gradients"
_TPE = "it belongs to the tree-structured Parzen estimator, which is not used here"

SETTINGS = SettingsTable(
    known={
        "random_state": whole(0),
        "n_initial_points": whole(0),
        "base_estimator": one_of("GP", "RF", "ET", "GBRT"),
        "acq_func": one_of("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps"),
        "acq_optimizer": one_of("auto", "sampling", "lbfgs"),
        "n_ei_candidates": whole(1),
        "gamma": number(0.0, 1.0, within=True),
        "prior_weight": number(0.0, 1e300, within=True),
    },
    aliases={"seed": "random_state", "n_startup_trials": "n_initial_points", "n_EI_candidates": "n_ei_candidates"},
    no_effect={
        "base_estimator": _MODEL,
        "acq_func": _ACQUISITION,
        "acq_optimizer": _OPTIMIZER,
        "n_ei_candidates": _TPE,
        "gamma": _TPE,
        "prior_weight": _TPE,
    },
)
