"""Nine flowers with their species: what the examples predict, and compare with what is true."""

import json

# Lengths and widths of sepals and petals in centimetres, from the iris data set of R. A. Fisher (1936).
FLOWERS = (
    ((5.1, 3.5, 1.4, 0.2), "setosa"),
    ((4.9, 3.0, 1.4, 0.2), "setosa"),
    ((4.7, 3.2, 1.3, 0.2), "setosa"),
    ((7.0, 3.2, 4.7, 1.4), "versicolor"),
    ((6.4, 3.2, 4.5, 1.5), "versicolor"),
    ((5.5, 2.3, 4.0, 1.3), "versicolor"),
    ((6.3, 3.3, 6.0, 2.5), "virginica"),
    ((5.8, 2.7, 5.1, 1.9), "virginica"),
    ((7.1, 3.0, 5.9, 2.1), "virginica"),
)


def json_lines() -> str:
    return "".join(json.dumps({"measures": measures, "species": name}) + "\n" for measures, name in FLOWERS)
