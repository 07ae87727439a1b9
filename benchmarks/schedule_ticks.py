"""A thousand schedules through a year on a fake clock in under a minute: each slot once, by the calendar's count."""

import heapq
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.slots import Schedule, decide
from adapters.easymaker.schedules.triggers import cron_trigger

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
AIM_SECONDS = 60.0
# A scheduler looks a little after the moment that it set its alarm for.
LATE = timedelta(milliseconds=300)
DAYS = 365
HOURS = DAYS * 24


@dataclass(frozen=True)
class Load:
    """``slots``: how many the year has, from the calendar and not from the code that is measured."""

    schedules: int
    when: str
    zone: str
    slots: int


# 2026 has 52 Mondays and 261 working days; where clocks are set, a time is lost in spring or comes twice in autumn.
LOADS = (
    Load(2, "0 */15 * * * *", "Asia/Seoul", 4 * HOURS),
    Load(20, "0 0 * * * *", "America/New_York", HOURS),
    Load(10, "@every 1h", "UTC", HOURS),
    Load(100, "0 0 */6 * * *", "Asia/Seoul", 4 * DAYS),
    Load(200, "0 30 4 * * *", "Asia/Seoul", DAYS),
    Load(50, "0 30 1 * * ?", "America/New_York", DAYS + 1),
    Load(50, "0 30 2 * * ?", "America/New_York", DAYS - 1),
    Load(50, "0 30 2 * * ?", "Europe/Berlin", DAYS),
    Load(50, "0 15 2 * * ?", "Australia/Lord_Howe", DAYS - 1),
    Load(50, "0 45 1 * * ?", "Australia/Lord_Howe", DAYS + 1),
    Load(50, "@daily", "Atlantic/Azores", DAYS),
    Load(65, "0 0 9 * * MON-FRI", "Asia/Seoul", 261),
    Load(203, "0 0 9 * * Mon", "Asia/Seoul", 52),
    Load(100, "@monthly", "UTC", 12),
)


def schedules() -> Iterator[Schedule]:
    """With catch-up and without in turn."""
    for load in LOADS:
        trigger = cron_trigger(Cron.parse(load.when), ZoneInfo(load.zone), BEGIN)
        for at in range(load.schedules):
            yield Schedule(trigger, created=BEGIN, end=END, catchup=at % 2 == 0)


def tick_through(every: list[Schedule]) -> list[int]:
    """The runs made of each schedule; the fake clock goes from one alarm to the next."""
    made = [0] * len(every)
    last: list[datetime | None] = [None] * len(every)
    alarms = [(BEGIN, at) for at in range(len(every))]
    while alarms:
        due, at = heapq.heappop(alarms)
        decision = decide(every[at], last[at], due + LATE, running=0)
        if decision.create:
            made[at] += len(decision.create)
            last[at] = decision.create[-1]
        if decision.next_at:
            heapq.heappush(alarms, (decision.next_at, at))
    return made


def run() -> dict[str, Any]:
    every = list(schedules())
    began, cpu_began = time.perf_counter(), time.process_time()
    made = tick_through(every)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    expected = list(itertools.chain.from_iterable([load.slots] * load.schedules for load in LOADS))
    return {
        "schedules": len(every),
        "ticks": sum(made),
        "ticks_by_the_calendar": sum(expected),
        "schedules_miscounted": sum(one != other for one, other in zip(made, expected, strict=True)),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "cpu_microseconds_per_tick": cpu_seconds / sum(made) * 1e6,
        "aim_seconds": AIM_SECONDS,
        "passed": made == expected and len(every) == 1000 and seconds < AIM_SECONDS,
    }


if __name__ == "__main__":
    print(run())
