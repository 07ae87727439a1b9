"""Numbers as people write them: 0.3 stays 0.3, and a step is added in decimal digits, not in binary ones."""

import math
import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_LONGEST = 100
# Short of the longest by room for a sign, a point and an exponent: what is written can be read again.
LONGEST_EXACT = 80
LARGEST_INT = 2**63 - 1

# Wide enough that sums and products of any two numbers that `number` lets pass are exact.
EXACT = Context(prec=1600, Emax=MAX_EMAX, Emin=MIN_EMIN)


def number(text: str) -> Decimal:
    """The exact value of `text`; a ValueError says why there is none."""
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        raise ValueError(f"has {len(stripped)} characters, which is no number to compute with")
    if not _NUMBER.fullmatch(stripped):
        raise ValueError(f"is not a finite number: {text!r}")
    value = Decimal(stripped)
    as_double = float(value)
    if math.isinf(as_double) or (as_double == 0 and value != 0):
        raise ValueError(f"is beyond what a double can hold: {text!r}")
    return value


def whole_number(text: str) -> Decimal:
    """As `number`, for ints: 5, 5.0 and 5e3 are whole, 5.5 is not."""
    value = number(text)
    if abs(value) > LARGEST_INT:
        raise ValueError(f"is beyond 64 bits: {text!r}")
    if value != value.to_integral_value():
        raise ValueError(f"is not a whole number: {text!r}")
    return value


def double_text(value: Decimal) -> str:
    """As Katib's own services write a double (1.0, 0.3, 1e-05), unless that would lose digits that the user gave."""
    short = repr(float(value) + 0.0)
    return short if Decimal(short) == value else str(value).lower()


def digits_between(largest: Decimal, *parts: Decimal) -> int:
    """How many digits sums of multiples of `parts` can have, up to `largest`: from its first to the parts' last."""
    lowest = min((EXACT.normalize(each).as_tuple().exponent for each in parts if each), default=0)
    return largest.adjusted() - int(lowest) + 1


def grid_value(low: Decimal, step: Decimal, index: int) -> Decimal:
    """low + index * step, exact."""
    return EXACT.add(low, EXACT.multiply(step, Decimal(index)))


def grid_count(low: Decimal, high: Decimal, step: Decimal) -> int:
    """How many values low, low + step, … are not above high."""
    return int(EXACT.divide_int(EXACT.subtract(high, low), step)) + 1


def grid_position(low: Decimal, step: Decimal, value: Decimal) -> Decimal:
    """How many steps `value` is above `low`; a whole number when it lies on the grid."""
    return _ROUNDED.divide(EXACT.subtract(value, low), step)


# A quotient may have endless digits: enough to see whether it is whole.
_ROUNDED = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
