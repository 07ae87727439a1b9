"""What a field of a cron expression matches, and what each wrong one is told: robfig/cron v3's rules."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.durations import whole_seconds
from adapters.easymaker.schedules.fields import DAY_OF_WEEK, HOUR, MINUTE, MONTH, FieldKind, read
from adapters.easymaker.schedules.invalid import InvalidCron

UP_TO_SEVEN = FieldKind("number", 0, 7)
ONE_TO_SEVEN = FieldKind("number", 1, 7)
ONE_TO_THREE = FieldKind("number", 1, 3)


def values(mask: int) -> list[int]:
    return [value for value in range(mask.bit_length()) if mask >> value & 1]


@pytest.mark.parametrize(
    ("kind", "text", "matched", "star"),
    [
        (UP_TO_SEVEN, "5", [5], False),
        (UP_TO_SEVEN, "0", [0], False),
        (UP_TO_SEVEN, "007", [7], False),
        (UP_TO_SEVEN, "5-5", [5], False),
        (UP_TO_SEVEN, "5-6", [5, 6], False),
        (UP_TO_SEVEN, "5-7", [5, 6, 7], False),
        (UP_TO_SEVEN, "5-6/2", [5], False),
        (UP_TO_SEVEN, "5-7/2", [5, 7], False),
        (UP_TO_SEVEN, "5-7/1", [5, 6, 7], False),
        (UP_TO_SEVEN, "3/2", [3, 5, 7], False),
        (UP_TO_SEVEN, "3/100", [3], False),
        (ONE_TO_THREE, "*", [1, 2, 3], True),
        (ONE_TO_THREE, "?", [1, 2, 3], True),
        (ONE_TO_THREE, "*/1", [1, 2, 3], True),
        (ONE_TO_THREE, "*/2", [1, 3], False),
        (ONE_TO_THREE, "?/2", [1, 3], False),
        (ONE_TO_THREE, "1-3", [1, 2, 3], False),
        (ONE_TO_THREE, "2,*", [1, 2, 3], True),
        (ONE_TO_SEVEN, "5,6,7", [5, 6, 7], False),
        (ONE_TO_SEVEN, "1,5-7/2,3", [1, 3, 5, 7], False),
        (MINUTE, "3-59/15", [3, 18, 33, 48], False),
        (HOUR, "9-17", list(range(9, 18)), False),
        (HOUR, "*", list(range(24)), True),
        (MONTH, "jan", [1], False),
        (MONTH, "Apr-OCT", list(range(4, 11)), False),
        (MONTH, "DEC,2", [2, 12], False),
        (DAY_OF_WEEK, "Sun", [0], False),
        (DAY_OF_WEEK, "MON,wed,FRI", [1, 3, 5], False),
        (DAY_OF_WEEK, "Mon/2", [1, 3, 5], False),
        (DAY_OF_WEEK, "Mon-5", [1, 2, 3, 4, 5], False),
    ],
)
def test_a_field_matches(kind: FieldKind, text: str, matched: list[int], star: bool) -> None:
    field = read(kind, text)
    assert (values(field.mask), field.star) == (matched, star)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("xyz", "1 fields; six are needed: second, minute, hour, day of month, month, day of week"),
        ("0 4 * * *", "put a 0 before it: '0 0 4 * * *'"),
        ("0 0 0 0 0 0 0", "7 fields"),
        ("60 * * * * *", "second '60': '60' is not within 0 to 59"),
        ("* 60 * * * *", "minute '60'"),
        ("* * 24 * * *", "hour '24': '24' is not within 0 to 23"),
        ("* * * 0 * *", "day of month '0': '0' is not within 1 to 31"),
        ("* * * 32 * *", "day of month '32'"),
        ("* * * * 13 *", "month '13': '13' is not within 1 to 12 or JAN to DEC"),
        ("* * * * * 7", "day of week '7': '7' is not within 0 to 6 or SUN to SAT; Sunday is 0"),
        ("* 5 j * * *", "hour 'j': 'j' is none of 0 to 23"),
        ("* * * * jan-x *", "month 'jan-x': 'x' is none of 1 to 12 or JAN to DEC"),
        ("* * * * january *", "month 'january'"),
        ("* * * * * XYZ", "day of week 'XYZ'"),
        ("* * mon * * *", "hour 'mon'"),
        ("5--5 * * * * *", "second '5--5': more than one hyphen"),
        ("*//2 * * * * *", "second '*//2': more than one slash"),
        ("*/-12 * * * * *", "second '*/-12': the step '-12' is no whole number from 1"),
        ("15/0 * * * * *", "second '15/0': the step is 0"),
        ("*/ * * * * *", "second '*/': the step '' is no whole number"),
        ("5-3 * * * * *", "write two items, as in 5-59,0-3"),
        ("* * * * * FRI-MON", "write two items, as in FRI-6,0-MON"),
        (", * * * * *", "second ',': an item of the list is empty"),
        ("1,,2 * * * * *", "an item of the list is empty"),
        ("*-5 * * * * *", "'*' is none of 0 to 59; * and ? stand alone"),
        ("+5 * * * * *", "second '+5'"),
        ("1.5 * * * * *", "second '1.5'"),
        ("0x10 * * * * *", "second '0x10'"),
        ("1_0 * * * * *", "second '1_0'"),
        ("* * * L * *", "(L, W and # of other cron dialects are not known here)"),
        ("* * * 15W * *", "(L, W and # of other cron dialects are not known here)"),
        ("* * * * * FRI#2", "(L, W and # of other cron dialects are not known here)"),
        ("@unrecognized", "write @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or @every"),
        ("@Daily", "'@Daily': unknown"),
        ("@reboot", "'@reboot': unknown"),
        ("@every", "'@every': unknown"),
        ("@every Xm", "'Xm': not a duration"),
        ("@every 5", "'5': not a duration; write a number and a unit"),
        ("@every 5 m", "'5 m': not a duration"),
        ("@every 5d", "'5d': not a duration"),
        ("@every .s", "'.s': not a duration"),
        ("@every +", "the duration is missing"),
        ("@every -5m", "must be above zero"),
        ("@every 0s", "must be above zero"),
        ("@every 99999999h", "over 292 years"),
        ("TZ=Asia/Tokyo", "the fields after the time zone are missing"),
        ("CRON_TZ= 0 0 0 * * *", "time zone '': unknown"),
        ("CRON_TZ=Asia/Nowhere 0 0 0 * * *", "time zone 'Asia/Nowhere': unknown; write a name such as Asia/Seoul"),
        ("CRON_TZ=America 0 0 0 * * *", "time zone 'America': unknown"),
        ("CRON_TZ=../../etc/passwd 0 0 0 * * *", "time zone '../../etc/passwd': unknown"),
        ("CRON_TZ=/etc/localtime 0 0 0 * * *", "time zone '/etc/localtime': unknown"),
        ("CRON_TZ=zone.tab 0 0 0 * * *", "time zone 'zone.tab': unknown"),
        ("CRON_TZ=tzdata.zi 0 0 0 * * *", "unknown"),
        ("ZONE=UTC 0 0 0 * * *", "7 fields"),
    ],
)
def test_a_wrong_expression_is_told_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(InvalidCron) as error:
        Cron.parse(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 900 + " * * * * *",
        "*/" + "9" * 900 + " * * * * *",
        "0-999999999 * * * * *",
        "*/99999999999999999999 * * * * *",
        "1," * 5000 + "1 * * * * *",
        "* " * 5000,
        "@every " + "9" * 900 + "h",
        "@every " + "1h" * 400 + "x",
        "@every " + "1." * 400,
        "@every 1e9h",
        "@every infh",
        "CRON_TZ=" + "A/" * 300 + " 0 0 0 * * *",
        "CRON_TZ=UTC\0 0 0 0 * * *",
        "٣ * * * * *",
        "² * * * * *",
        "１ * * * * *",
        "* * * * * *\n* * * * * *",
        "*\u2003*\u2003*\u2003*\u2003*\u2003*",
        "\0 * * * * *",
        "\ud800 * * * * *",
        "-".join("1" * 300) + " * * * * *",
        "/".join("1" * 300) + " * * * * *",
        "${jndi:x} * * * * *",
        "__import__('os') * * * * *",
    ],
)
@pytest.mark.timeout(20)
def test_a_hostile_expression_is_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(InvalidCron) as error:
        Cron.parse(text)
    told = str(error.value)
    assert len(told) < 400
    assert told.isprintable()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m10s", 5410),
        ("1h30m", 5400),
        ("5m", 300),
        ("1.5h", 5400),
        ("+.5m", 30),
        ("2.s", 2),
        ("90s10ms", 90),
        ("15ms", 1),
        ("1ns", 1),
        ("900000000ns", 1),
        ("1h1h", 7200),
    ],
)
def test_a_duration_is_whole_seconds_from_one_on(text: str, seconds: int) -> None:
    assert whole_seconds(text) == timedelta(seconds=seconds)


def test_an_expression_may_carry_blanks_around_and_between() -> None:
    cron = Cron.parse(" CRON_TZ=UTC  0\t30  4 * * * ")
    assert cron.next_after(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Seoul")) == datetime(
        2026, 1, 1, 4, 30, tzinfo=UTC
    )


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Cron.parse("@daily").next_after(datetime(2026, 1, 1), ZoneInfo("UTC"))  # noqa: DTZ001
