"""``python -m benchmarks [NAME …]``: measure, print a table and JSON; exit code 1 when an aim is missed."""

import json
import sys
from typing import Any

from benchmarks import (
    cluster_throughput,
    compile_examples,
    list_and_get,
    median_stop,
    pipeline_step,
    predict_through_gateway,
    schedule_ticks,
    start_up,
    suggestion_latency,
    suggestion_quality,
    training_start,
)

ALL = {
    "start_up": start_up.run,
    "training_start": training_start.run,
    "list_and_get": list_and_get.run,
    "predict_through_gateway": predict_through_gateway.run,
    "cluster_throughput": cluster_throughput.run,
    "schedule_ticks": schedule_ticks.run,
    "pipeline_step": pipeline_step.run,
    "compile_examples": compile_examples.run,
    "suggestion_quality": suggestion_quality.run,
    "suggestion_latency": suggestion_latency.run,
    "median_stop": median_stop.run,
}


def rows(result: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """One line per figure; a median comes with its least and greatest value."""
    told: list[tuple[str, str]] = []
    for name, value in result.items():
        if isinstance(value, dict) and "median" in value:
            spread = f"({_figure(value['min'])} to {_figure(value['max'])})"
            told.append((prefix + name, f"{_figure(value['median'])}  {spread}"))
        elif isinstance(value, dict):
            told += rows(value, f"{prefix}{name}: ")
        else:
            told.append((prefix + name, _figure(value)))
    return told


def _figure(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.2g}"


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        sys.stderr.write(f"there is no benchmark {unknown[0]}; there are {', '.join(ALL)}\n")
        return 2
    results = {name: ALL[name]() for name in names or ALL}
    for name, result in results.items():
        print(f"\n{name}")
        lines = rows(result)
        width = max(len(label) for label, _ in lines)
        for label, figure in lines:
            print(f"  {label.replace('_', ' '):<{width}}  {figure}")
    print("\n" + json.dumps(results))
    return 0 if all(result["passed"] for result in results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
