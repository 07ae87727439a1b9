"""What makes a recurring run come due: a grid of slots in time, the same whenever and however often it is asked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from adapters.easymaker.schedules.cron import Cron

SECOND = timedelta(seconds=1)


class Trigger(Protocol):
    def slot_after(self, moment: datetime) -> datetime | None:
        """The first slot later than ``moment`` (aware, any zone), in UTC and on a whole second; None where none is.

        Slots are a fixed set: asking from any moment between two slots gives the same answer.
        """
        ...


@dataclass(frozen=True)
class Interval:
    """Every ``period`` from ``anchor`` on, the first slot one period after it (as Kubeflow Pipelines counts).

    On a grid, not "one period after the last run": a late look does not move the slots to come.
    """

    period: timedelta
    anchor: datetime

    def __post_init__(self) -> None:
        if self.period < SECOND or self.period % SECOND:
            raise ValueError(f"an interval of {self.period}: whole seconds from one on are needed")

    def slot_after(self, moment: datetime) -> datetime | None:
        anchor = self.anchor.astimezone(UTC).replace(microsecond=0)
        passed = max(0, (moment.astimezone(UTC) - anchor) // self.period)
        try:
            return anchor + (passed + 1) * self.period
        except OverflowError:
            return None  # past year 9999


@dataclass(frozen=True)
class CronTrigger:
    cron: Cron
    zone: ZoneInfo

    def slot_after(self, moment: datetime) -> datetime | None:
        return self.cron.next_after(moment, self.zone)


def cron_trigger(cron: Cron, zone: ZoneInfo, anchor: datetime) -> Trigger:
    """``@every`` counts from the moment it is asked about, so it needs an anchor to be a grid; others do not."""
    return CronTrigger(cron, zone) if cron.every is None else Interval(cron.every, anchor)
