"""Random six-field expressions for property tests: what robfig/cron and croniter read alike.

Left out because the two differ: 7 for Sunday and ranges that wrap (croniter alone), ranges of one value (0-0 is every
day of the week to croniter), items that cover a whole day field (croniter takes them for ``*`` in the rule of the two
day fields), ``*`` within a list, and time zones: a time that the clock leaps over is run by croniter when it lands, by
robfig not that day.
"""

from hypothesis import strategies as st

from adapters.easymaker.schedules.fields import KINDS, FieldKind, read


def items(kind: FieldKind) -> st.SearchStrategy[str]:
    number = st.integers(kind.least, kind.most)
    step = st.integers(1, kind.most + 3)
    spans = st.tuples(number, number).map(sorted).filter(lambda span: 0 < span[1] - span[0] < kind.most - kind.least)
    plain = [
        number.map(str),
        spans.map(lambda span: f"{span[0]}-{span[1]}"),
        st.tuples(spans, step).map(lambda both: f"{both[0][0]}-{both[0][1]}/{both[1]}"),
        st.tuples(number.filter(lambda first: first > kind.least), step).map(lambda both: f"{both[0]}/{both[1]}"),
    ]
    if kind.names:
        plain.append(number.flatmap(lambda at: st.sampled_from(cases(kind.names[at - kind.least]))))
    return st.one_of(plain)


def cases(name: str) -> list[str]:
    return [name, name.lower(), name.title()]


def fields(kind: FieldKind) -> st.SearchStrategy[str]:
    lists = st.lists(items(kind), min_size=1, max_size=3).map(",".join).filter(lambda text: not covers(kind, text))
    return st.one_of(st.just("*"), st.integers(2, kind.most).map(lambda step: f"*/{step}"), lists)


def covers(kind: FieldKind, text: str) -> bool:
    return read(kind, text).mask.bit_count() == kind.most - kind.least + 1


def expressions() -> st.SearchStrategy[str]:
    return st.tuples(*(fields(kind) for kind in KINDS)).map(" ".join)
