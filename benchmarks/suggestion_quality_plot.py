"""The curves of a comparison as SVG, without a plotting library: a row per number in flight, a column per problem."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, GAP, LEFT, TOP = 230, 170, 46, 60, 60
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#7f7f7f", "#17becf")
# Regrets below are told apart no more.
LEAST = 1e-6
# A curve begins where the first models have something to say.
FIRST = 10

Curves = Mapping[tuple[str, int, str], Sequence[float]]


def plot(curves: Curves) -> str:
    problems = list(dict.fromkeys(problem for problem, _, _ in curves))
    rows = sorted({in_flight for _, in_flight, _ in curves})
    names = list(dict.fromkeys(name for _, _, name in curves))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    parts = _legend(colours)
    for column, problem in enumerate(problems):
        for row, in_flight in enumerate(rows):
            inside = {n: c for (p, f, n), c in curves.items() if (p, f) == (problem, in_flight)}
            parts.append(f'<g transform="translate({LEFT + column * (WIDTH + GAP)},{TOP + row * (HEIGHT + GAP)})">')
            parts += _panel(f"{problem}, {in_flight} at once", inside, colours)
            parts.append("</g>")
    width, height = LEFT + len(problems) * (WIDTH + GAP), TOP + len(rows) * (HEIGHT + GAP)
    box = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    ground = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([head, "<title>Median regret over finished trials</title>", ground, *parts, "</svg>"]) + "\n"


def _legend(colours: Mapping[str, str]) -> list[str]:
    parts: list[str] = []
    for place, (name, colour) in enumerate(colours.items()):
        x = LEFT + place * 170
        parts.append(f'<line x1="{x}" y1="20" x2="{x + 20}" y2="20" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 26}" y="24">{escape(name)}</text>')
    return parts


def _panel(title: str, curves: Mapping[str, Sequence[float]], colours: Mapping[str, str]) -> list[str]:
    trials = max(len(curve) for curve in curves.values())
    values = [max(LEAST, value) for curve in curves.values() for value in curve[FIRST - 1 :]]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def across(trial: int) -> float:
        return WIDTH * (trial - FIRST) / max(1, trials - FIRST)

    def down(value: float) -> float:
        return HEIGHT * (high - math.log10(max(LEAST, value))) / (high - low)

    parts = [f'<text x="0" y="-8" font-weight="bold">{escape(title)}</text>']
    for power in range(low, high + 1):
        y = down(10.0**power)
        parts.append(f'<line x1="0" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    for trial in range(20, trials + 1, 20):
        parts.append(f'<text x="{across(trial):.1f}" y="{HEIGHT + 14}" text-anchor="middle">{trial}</text>')
    for name, curve in list(curves.items())[::-1]:
        points = " ".join(f"{across(n):.1f},{down(v):.1f}" for n, v in enumerate(curve, 1) if n >= FIRST)
        wide = 2.4 if name == "bayesian" else 1.4
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[name]}" stroke-width="{wide}"/>')
    return parts
