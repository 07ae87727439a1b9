"""When cron expressions come due: the cases that robfig/cron publishes in its documentation and tests, as tables."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.easymaker.schedules.cron import Cron

NEW_YORK = "America/New_York"


def tick(expression: str, moment: str, zone: str = "UTC") -> str | None:
    """The next tick, shown in the offset of the zone."""
    where = ZoneInfo(zone)
    at = datetime.fromisoformat(moment)
    found = Cron.parse(expression).next_after(at if at.tzinfo else at.replace(tzinfo=where), where)
    return found.astimezone(where).isoformat() if found else None


@pytest.mark.parametrize(
    ("moment", "expression", "due"),
    [
        # Every fifteen minutes, from the hour and from five past on.
        ("2012-07-09T15:00", "0 0/15 * * * *", True),
        ("2012-07-09T15:45", "0 0/15 * * * *", True),
        ("2012-07-09T15:40", "0 0/15 * * * *", False),
        ("2012-07-09T15:05", "0 5/15 * * * *", True),
        ("2012-07-09T15:20", "0 5/15 * * * *", True),
        ("2012-07-09T15:50", "0 5/15 * * * *", True),
        # Names, and every field given.
        ("2012-07-15T15:00", "0 0/15 * * Jul *", True),
        ("2012-07-15T15:00", "0 0/15 * * Jun *", False),
        ("2012-07-15T08:30", "0 30 08 ? Jul Sun", True),
        ("2012-07-15T08:30", "0 30 08 15 Jul ?", True),
        ("2012-07-16T08:30", "0 30 08 ? Jul Sun", False),
        ("2012-07-16T08:30", "0 30 08 15 Jul ?", False),
        # Descriptors.
        ("2012-07-09T15:00", "@hourly", True),
        ("2012-07-09T15:04", "@hourly", False),
        ("2012-07-09T15:00", "@daily", False),
        ("2012-07-09T00:00", "@daily", True),
        ("2012-07-09T00:00", "@midnight", True),
        ("2012-07-09T00:00", "@weekly", False),
        ("2012-07-08T00:00", "@weekly", True),
        ("2012-07-08T01:00", "@weekly", False),
        ("2012-07-08T00:00", "@monthly", False),
        ("2012-07-01T00:00", "@monthly", True),
        ("2012-01-01T00:00", "@yearly", True),
        ("2012-01-01T00:00", "@annually", True),
        ("2012-07-01T00:00", "@yearly", False),
        # Day of month and day of week both restricted: one is enough. A step restricts.
        ("2012-07-15T00:00", "0 * * 1,15 * Sun", True),
        ("2012-06-15T00:00", "0 * * 1,15 * Sun", True),
        ("2012-08-01T00:00", "0 * * 1,15 * Sun", True),
        ("2012-07-15T00:00", "0 * * */10 * Sun", True),
        ("2012-07-15T00:00", "0 * * */2 * Sun", True),
        ("2012-07-15T00:00", "0 * * 1-31 * Mon", True),
        # One left open: both must match.
        ("2012-07-15T00:00", "0 * * * * Mon", False),
        ("2012-07-15T00:00", "0 * * */1 * Mon", False),
        ("2012-07-09T00:00", "0 * * 1,15 * *", False),
        ("2012-07-15T00:00", "0 * * 1,15 * *", True),
        # The documentation's examples.
        ("2026-01-05T04:30", "0 30 3-6,20-23 * * *", True),
        ("2026-01-05T23:30", "0 30 3-6,20-23 * * *", True),
        ("2026-01-05T07:30", "0 30 3-6,20-23 * * *", False),
        ("2026-01-05T11:48", "0 3-59/15 * * * *", True),
        ("2026-01-05T12:00", "0 0 9-17 * * MON,WED,FRI", True),
        ("2026-01-06T12:00", "0 0 9-17 * * MON,WED,FRI", False),
    ],
)
def test_a_moment_is_due(moment: str, expression: str, due: bool) -> None:
    before = datetime.fromisoformat(moment + "+00:00") - timedelta(seconds=1)
    assert (tick(expression, before.isoformat()) == moment + ":00+00:00") is due


@pytest.mark.parametrize(
    ("moment", "expression", "following"),
    [
        ("2012-07-09T14:45:00", "0 0/15 * * * *", "2012-07-09T15:00:00"),
        ("2012-07-09T14:59:00", "0 0/15 * * * *", "2012-07-09T15:00:00"),
        ("2012-07-09T14:59:59", "0 0/15 * * * *", "2012-07-09T15:00:00"),
        ("2012-07-09T15:45:00", "0 20-35/15 * * * *", "2012-07-09T16:20:00"),
        ("2012-07-09T23:46:00", "0 */15 * * * *", "2012-07-10T00:00:00"),
        ("2012-07-09T23:45:00", "0 20-35/15 * * * *", "2012-07-10T00:20:00"),
        ("2012-07-09T23:35:51", "15/35 20-35/15 * * * *", "2012-07-10T00:20:15"),
        ("2012-07-09T23:35:51", "15/35 20-35/15 1/2 * * *", "2012-07-10T01:20:15"),
        ("2012-07-09T23:35:51", "15/35 20-35/15 10-12 * * *", "2012-07-10T10:20:15"),
        ("2012-07-09T23:35:51", "15/35 20-35/15 1/2 */2 * *", "2012-07-11T01:20:15"),
        ("2012-07-09T23:35:51", "15/35 20-35/15 * 9-20 * *", "2012-07-10T00:20:15"),
        ("2012-07-09T23:35:51", "15/35 20-35/15 * 9-20 Jul *", "2012-07-10T00:20:15"),
        ("2012-07-09T23:35:00", "0 0 0 9 Apr-Oct ?", "2012-08-09T00:00:00"),
        ("2012-07-09T23:35:00", "0 0 0 */5 Apr,Aug,Oct Mon", "2012-08-01T00:00:00"),
        ("2012-07-09T23:35:00", "0 0 0 */5 Oct Mon", "2012-10-01T00:00:00"),
        ("2012-07-09T23:35:00", "0 0 0 * Feb Mon", "2013-02-04T00:00:00"),
        ("2012-07-09T23:35:00", "0 0 0 * Feb Mon/2", "2013-02-01T00:00:00"),
        ("2012-12-31T23:59:45", "0 * * * * *", "2013-01-01T00:00:00"),
        ("2012-07-09T23:35:00", "0 0 0 29 Feb ?", "2016-02-29T00:00:00"),
        ("2012-07-09T23:35:00.999999", "* * * * * *", "2012-07-09T23:35:01"),
        ("2012-07-09T14:45:00", "@every 15m", "2012-07-09T15:00:00"),
        ("2012-07-09T14:45:00.005", "@every 15m", "2012-07-09T15:00:00"),
        ("2012-07-09T14:45:00", "@every 15ms", "2012-07-09T14:45:01"),
        ("2012-07-09T23:35:51", "@every 25h44m24s", "2012-07-11T01:20:15"),
        ("2012-07-09T23:35:00", "@every 2184h25m", "2012-10-09T00:00:00"),
    ],
)
def test_the_tick_after_a_moment(moment: str, expression: str, following: str) -> None:
    assert tick(expression, moment) == following + "+00:00"


@pytest.mark.parametrize("expression", ["0 0 0 30 Feb ?", "0 0 0 31 Apr ?", "0 0 0 31 2,4,6,9,11 *"])
def test_an_expression_that_names_no_day_never_comes_due(expression: str) -> None:
    assert tick(expression, "2012-07-09T23:35") is None


def test_the_search_ends_with_the_fifth_year_from_now() -> None:
    """2100 is no leap year: between the end of February 2096 and 2104 lie eight years."""
    assert tick("0 0 0 29 2 ?", "2096-03-01T00:00") is None
    assert tick("0 0 0 29 2 ?", "2098-12-31T23:59:58") is None
    assert tick("0 0 0 29 2 ?", "2098-12-31T23:59:59") == "2104-02-29T00:00:00+00:00"
    assert tick("@yearly", "9999-06-01T00:00") is None
    assert tick("@every 2000h", "9999-12-01T00:00") is None


@pytest.mark.parametrize(
    ("moment", "expression", "following"),
    [
        # 11 March 2012: two o'clock in the morning becomes three.
        ("2012-03-11T00:00:00-05:00", "0 30 2 11 Mar ?", "2013-03-11T02:30:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 0 * * * ?", "2012-03-11T01:00:00-05:00"),
        ("2012-03-11T01:00:00-05:00", "0 0 * * * ?", "2012-03-11T03:00:00-04:00"),
        ("2012-03-11T03:00:00-04:00", "0 0 * * * ?", "2012-03-11T04:00:00-04:00"),
        ("2012-03-11T04:00:00-04:00", "0 0 * * * ?", "2012-03-11T05:00:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 0 1 * * ?", "2012-03-11T01:00:00-05:00"),
        ("2012-03-11T01:00:00-05:00", "0 0 1 * * ?", "2012-03-12T01:00:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 0 2 * * ?", "2012-03-12T02:00:00-04:00"),
        # 4 November 2012: two o'clock becomes one again, so one o'clock runs twice.
        ("2012-11-04T00:00:00-04:00", "0 30 2 04 Nov ?", "2012-11-04T02:30:00-05:00"),
        ("2012-11-04T01:45:00-04:00", "0 30 1 04 Nov ?", "2012-11-04T01:30:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 0 * * * ?", "2012-11-04T01:00:00-04:00"),
        ("2012-11-04T01:00:00-04:00", "0 0 * * * ?", "2012-11-04T01:00:00-05:00"),
        ("2012-11-04T01:00:00-05:00", "0 0 * * * ?", "2012-11-04T02:00:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 0 1 * * ?", "2012-11-04T01:00:00-04:00"),
        ("2012-11-04T01:00:00-04:00", "0 0 1 * * ?", "2012-11-04T01:00:00-05:00"),
        ("2012-11-04T01:00:00-05:00", "0 0 1 * * ?", "2012-11-05T01:00:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 0 2 * * ?", "2012-11-04T02:00:00-05:00"),
        ("2012-11-04T02:00:00-05:00", "0 0 2 * * ?", "2012-11-05T02:00:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 0 3 * * ?", "2012-11-04T03:00:00-05:00"),
        ("2012-11-04T03:00:00-05:00", "0 0 3 * * ?", "2012-11-05T03:00:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 0 3 3 * ?", "2012-12-03T03:00:00-05:00"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "TZ=America/New_York ", "CRON_TZ=America/New_York "])
def test_new_york_sets_its_clock(moment: str, expression: str, following: str, prefix: str) -> None:
    """Given as the schedule's zone or in the expression, which wins over the schedule's."""
    where = ZoneInfo("Asia/Seoul" if prefix else NEW_YORK)
    found = Cron.parse(prefix + expression).next_after(datetime.fromisoformat(moment), where)
    assert found is not None
    assert found.astimezone(ZoneInfo(NEW_YORK)).isoformat() == following


@pytest.mark.parametrize(
    ("zone", "moment", "expression", "following"),
    [
        # Midnight does not exist on 4 November 2018 in Sao Paulo; later days are not disturbed by it.
        ("America/Sao_Paulo", "2018-10-17T05:00:00-04:00", "0 0 9 10 * ?", "2018-11-10T09:00:00-02:00"),
        ("America/Sao_Paulo", "2018-02-14T05:00:00-05:00", "0 0 9 22 * ?", "2018-02-22T09:00:00-03:00"),
        ("America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "0 0 0 * * *", "2018-11-05T00:00:00-02:00"),
        ("Asia/Beirut", "2026-03-28T12:00:00+02:00", "0 0 12 29 3 ?", "2026-03-29T12:00:00+03:00"),
        # Seoul has had no summer time since 1988.
        ("Asia/Seoul", "2026-03-29T01:30:00+09:00", "0 30 2 * * *", "2026-03-29T02:30:00+09:00"),
        ("Asia/Seoul", "2026-10-25T02:30:00+09:00", "0 30 2 * * *", "2026-10-26T02:30:00+09:00"),
        # Berlin: 02:00 becomes 03:00 on 29 March, 03:00 becomes 02:00 on 25 October 2026.
        ("Europe/Berlin", "2026-03-28T03:00:00+01:00", "0 30 2 * * *", "2026-03-30T02:30:00+02:00"),
        ("Europe/Berlin", "2026-10-25T02:30:00+02:00", "0 30 2 * * *", "2026-10-25T02:30:00+01:00"),
        ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "0 30 2 * * *", "2026-10-26T02:30:00+01:00"),
        # Lord Howe: 02:00 becomes 02:30 on 4 October, 02:00 becomes 01:30 on 5 April 2026.
        ("Australia/Lord_Howe", "2026-10-04T00:00:00+10:30", "0 15 2 * * *", "2026-10-05T02:15:00+11:00"),
        ("Australia/Lord_Howe", "2026-10-04T00:00:00+10:30", "0 0 3 * * *", "2026-10-04T03:00:00+11:00"),
        ("Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", "0 0 * * * *", "2026-10-04T03:00:00+11:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45:00+11:00", "0 45 1 * * *", "2026-04-05T01:45:00+10:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:15:00+11:00", "0 15 1 * * *", "2026-04-06T01:15:00+10:30"),
        # Azores: midnight becomes one o'clock on 29 March, one o'clock midnight on 25 October 2026.
        ("Atlantic/Azores", "2026-03-28T12:00:00-01:00", "0 0 0 * * *", "2026-03-30T00:00:00+00:00"),
        ("Atlantic/Azores", "2026-03-28T12:00:00-01:00", "0 0 1 29 3 ?", "2026-03-29T01:00:00+00:00"),
        ("Atlantic/Azores", "2026-10-25T00:00:00+00:00", "0 0 0 * * *", "2026-10-25T00:00:00-01:00"),
        ("Atlantic/Azores", "2026-10-25T00:00:00-01:00", "0 0 0 * * *", "2026-10-26T00:00:00-01:00"),
        # Apia had no 30 December 2011; Troll moves by two hours.
        ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "0 0 12 * * *", "2011-12-31T12:00:00+14:00"),
        ("Antarctica/Troll", "2026-10-25T02:30:00+02:00", "0 30 2 * * *", "2026-10-25T02:30:00+00:00"),
    ],
)
def test_other_zones_set_their_clocks(zone: str, moment: str, expression: str, following: str) -> None:
    assert tick(expression, moment, zone) == following


def test_the_answer_is_in_utc_whatever_zone_was_asked_in() -> None:
    """Two passes of a repeated hour are equal to Python in their own zone: only in UTC can they be told apart."""
    zone = ZoneInfo(NEW_YORK)
    first = Cron.parse("0 0 1 4 11 ?").next_after(datetime(2012, 11, 4, tzinfo=zone), zone)
    assert first is not None
    second = Cron.parse("0 0 1 4 11 ?").next_after(first.astimezone(zone), zone)
    assert (first, second) == (datetime(2012, 11, 4, 5, tzinfo=UTC), datetime(2012, 11, 4, 6, tzinfo=UTC))


def test_a_moment_in_any_zone_is_the_same_moment() -> None:
    assert tick("0 14 14 * * ?", "2016-01-03T04:09:03+05:30", "Asia/Kolkata") == "2016-01-03T14:14:00+05:30"
    assert tick("0 14 14 * * ?", "2016-01-02T22:39:03+00:00", "Asia/Kolkata") == "2016-01-03T14:14:00+05:30"
