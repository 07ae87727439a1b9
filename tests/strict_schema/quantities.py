"""The syntax of Kubernetes' quantities ("500m", "2Gi", "1e3"), as resource.ParseQuantity reads them."""

import re
from decimal import Decimal
from typing import Any

QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
)
BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
DECIMAL = {letter: Decimal(1000) ** power for power, letter in enumerate("num", -3)}
DECIMAL |= {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
SCALES = BINARY | DECIMAL


def amount(text: str) -> Decimal | None:
    """What a quantity stands for; None where the text is no quantity."""
    found = QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, suffix = Decimal(found["number"]), found["suffix"] or ""
    if suffix in SCALES:
        return number * SCALES[suffix]
    return number * Decimal(10) ** int(suffix[1:]) if suffix else number


def quantity_problem(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return "is no quantity: a string such as '500m' or '2Gi', or a number, is wanted"
    if isinstance(value, str) and amount(value) is None:
        return f"{value!r} is no quantity (such as '500m', '2Gi', '1.5')"
    return None
