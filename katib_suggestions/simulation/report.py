"""What a simulation has found, for people and for programs."""

import csv
import io
import json
import math
from collections.abc import Iterable
from xml.sax.saxutils import escape

from katib_suggestions.experiment import Objective
from katib_suggestions.simulation.run import Result, SimulatedTrial

WIDTH, HEIGHT, MARGIN = 720, 400, 60


def line(result_metric: str, trial: SimulatedTrial) -> str:
    """One trial in one line."""
    value = "-" if trial.value is None else f"{trial.value:.6g}"
    given = "  ".join(f"{name}={text}" for name, text in trial.assignments.items())
    told = f"  ({trial.reason})" if trial.reason else ""
    return f"{trial.number:>5}  {trial.condition:<20} {result_metric}={value:<12} {given}{told}"


def summary(result: Result) -> str:
    conditions = [each.condition for each in result.trials]
    counted = ", ".join(f"{conditions.count(each)} {each}" for each in dict.fromkeys(conditions))
    ended = f"{result.ending} after {len(result.trials)} trials ({counted})"
    best = result.best
    return ended if best is None else f"{ended}\nbest: {line(result.experiment.metric, best).strip()}"


def as_json(result: Result) -> str:
    return json.dumps(
        {
            "experiment": result.experiment.name,
            "algorithm": result.experiment.algorithm,
            "ending": result.ending,
            "steps": result.steps,
            "best": result.best.name if result.best else None,
            "trials": [
                {
                    "name": each.name,
                    "condition": each.condition,
                    "reason": each.reason,
                    "assignments": each.assignments,
                    # JSON has neither.
                    "value": each.value if each.value is not None and math.isfinite(each.value) else None,
                    "values": {name: [repr(value) for value in values] for name, values in each.values.items()},
                    "begunAt": each.begun_at,
                    "endedAt": each.ended_at,
                }
                for each in result.trials
            ],
        },
        indent=1,
    )


def as_csv(result: Result) -> str:
    names = [each.name for each in result.experiment.parameters]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["trial", "condition", result.experiment.metric, *names, "reason"])
    for each in result.trials:
        value = "" if each.value is None else repr(each.value)
        table.writerow([each.name, each.condition, value, *(each.assignments[name] for name in names), each.reason])
    return text.getvalue()


def best_so_far(result: Result) -> list[tuple[int, float]]:
    """(trial number, the best value up to it), for the trials that have a number."""
    better = max if result.experiment.objective is Objective.MAXIMIZE else min
    found: list[tuple[int, float]] = []
    for number, value in _values(result.trials):
        found.append((number, value if not found else better(found[-1][1], value)))
    return found


def as_svg(result: Result) -> str:
    """Every trial's value as a point, the best so far as a line."""
    values, best = _values(result.trials), best_so_far(result)
    low, high = min((v for _, v in values), default=0.0), max((v for _, v in values), default=1.0)
    span = high - low or 1.0
    most = max(len(result.trials) - 1, 1)

    def at(number: int, value: float) -> str:
        x = MARGIN + (number - 1) / most * (WIDTH - 2 * MARGIN)
        return f"{x:.1f},{HEIGHT - MARGIN - (value - low) / span * (HEIGHT - 2 * MARGIN):.1f}"

    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="3" fill="#7a8ca5"/>' for x, y in (at(*each).split(",") for each in values)
    )
    steps = " ".join(at(*each) for each in best)
    title = escape(f"{result.experiment.name}: {result.experiment.metric} by {result.experiment.algorithm}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        f'<text x="{MARGIN}" y="30" font-size="15">{title}</text>'
        f'<path d="M{MARGIN},{MARGIN} V{HEIGHT - MARGIN} H{WIDTH - MARGIN}" stroke="#444" fill="none"/>'
        f'<text x="5" y="{MARGIN + 5}">{high:.4g}</text><text x="5" y="{HEIGHT - MARGIN}">{low:.4g}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT - MARGIN + 20}">1</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - MARGIN + 20}" text-anchor="end">{len(result.trials)} trials</text>'
        f'{dots}<polyline points="{steps}" fill="none" stroke="#c2410c" stroke-width="2"/></svg>\n'
    )


def _values(trials: Iterable[SimulatedTrial]) -> list[tuple[int, float]]:
    return [(each.number, each.value) for each in trials if each.value is not None and math.isfinite(each.value)]
