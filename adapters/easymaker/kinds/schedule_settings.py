"""When a recurring run comes due: its fields as they are posted, and as a schedule that can be asked."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.easymaker.kinds.record import Json, Record
from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.invalid import InvalidCron
from adapters.easymaker.schedules.slots import Schedule
from adapters.easymaker.schedules.triggers import Interval, Trigger, cron_trigger
from adapters.easymaker.schedules.zones import zone_named

TIMES = ("scheduleStartDatetime", "scheduleEndDatetime")


def schedule_problems(given: Json, now: datetime) -> list[str]:
    """What is wrong with a posted schedule, each with its field."""
    try:
        zone = zone_named(given["scheduleTimeZone"])
    except InvalidCron as error:
        return [f"scheduleTimeZone: {error}"]
    problems: list[str] = []
    periodic, cron = given.get("schedulePeriodicMinutes"), given.get("scheduleCronExpression")
    if (periodic is None) == (cron is None):
        problems.append("schedulePeriodicMinutes or scheduleCronExpression: give one of the two")
    times: dict[str, datetime] = {}
    for field in TIMES:
        if field in given:
            try:
                times[field] = _moment(given[field], zone)
            except ValueError:
                problems.append(f"{field}: must be an ISO 8601 time such as 2026-12-24T09:00:00+09:00")
    start, end = times.get(TIMES[0]), times.get(TIMES[1])
    if end is not None and end <= max(now, start or now):
        problems.append("scheduleEndDatetime: must lie in the future and after scheduleStartDatetime")
    if cron is not None:
        problems += _cron_problems(cron, zone, start or now)
    return problems


def _cron_problems(text: str, zone: ZoneInfo, after: datetime) -> list[str]:
    try:
        cron = Cron.parse(text)
    except InvalidCron as error:
        return [f"scheduleCronExpression: {error}"]
    if cron_trigger(cron, zone, after).slot_after(after) is None:
        return [f"scheduleCronExpression: {text} names no time within five years"]
    return []


def times_of(given: Json) -> Json:
    """The posted times, in UTC."""
    zone = zone_named(given["scheduleTimeZone"])
    return {field: _moment(given[field], zone).isoformat() for field in TIMES if field in given}


def schedule_of(record: Record, enabled: bool) -> Schedule:
    """The schedule of a stored recurring run."""
    spec = record.spec
    start = _stored(spec, "scheduleStartDatetime")
    return Schedule(
        trigger=_trigger(spec, start or record.created_at),
        created=record.created_at,
        start=start,
        end=_stored(spec, "scheduleEndDatetime"),
        max_concurrency=spec["maxConcurrencyCount"],
        catchup=spec["useCatchup"],
        enabled=enabled,
    )


def _trigger(spec: Json, anchor: datetime) -> Trigger:
    if "schedulePeriodicMinutes" in spec:
        return Interval(timedelta(minutes=spec["schedulePeriodicMinutes"]), anchor)
    return cron_trigger(Cron.parse(spec["scheduleCronExpression"]), zone_named(spec["scheduleTimeZone"]), anchor)


def _stored(spec: Json, field: str) -> datetime | None:
    return datetime.fromisoformat(spec[field]) if field in spec else None


def _moment(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC).replace(microsecond=0)
