"""What Kubeflow Pipelines is asked for: a run, and a recurring run with what starts it."""

from datetime import datetime

from adapters.easymaker.engines.cluster.mapping.pipeline_specs import PipelineSite, run_spec
from adapters.easymaker.engines.cluster.mapping.pipeline_times import timestamp
from adapters.easymaker.engines.cluster.names import namespace_of
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Json, Record
from adapters.easymaker.pipelines.documents import Pipeline
from adapters.easymaker.schedules.cron import Cron
from adapters.easymaker.schedules.zones import zone_named

# Names of one zone: without an hour of difference in any season.
ALWAYS_UTC = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "GMT", "Etc/GMT"})
ZONE_PREFIXES = ("CRON_TZ=", "TZ=")


def run_request(record: Record, name: str, pipeline: Pipeline, site: PipelineSite) -> Json:
    """Of one run. ``name`` is shown, and what it is found by."""
    return _common(record, name, site) | {"pipeline_spec": run_spec(record, record.id, pipeline, site)}


def recurring_run_request(record: Record, name: str, pipeline: Pipeline, site: PipelineSite) -> Json:
    """Of a schedule.

    Raises:
        PermanentEngineError: Kubeflow Pipelines cannot start runs at these times.
    """
    spec = record.spec
    return _common(record, name, site) | {
        "namespace": namespace_of(record.appkey),
        "pipeline_spec": run_spec(record, None, pipeline, site),
        "trigger": trigger(spec, site.cluster.pipelines_time_zone),
        "max_concurrency": str(spec["maxConcurrencyCount"]),
        "no_catchup": not spec["useCatchup"],
        "mode": "ENABLE",
    }


def _common(record: Record, name: str, site: PipelineSite) -> Json:
    """All but the experiment, whose id only Kubeflow Pipelines knows."""
    return {
        "display_name": name,
        "description": record.description,
        "service_account": site.cluster.pipelines_service_account,
        "runtime_config": {"parameters": dict(record.spec["arguments"])},
    }


def trigger(spec: Json, zone: str) -> Json:
    """What starts the runs. ``zone`` is the one that Kubeflow Pipelines reads all cron expressions in.

    Raises:
        PermanentEngineError: the expression is meant in another zone.
    """
    times: Json = {}
    for name, field in (("start_time", "scheduleStartDatetime"), ("end_time", "scheduleEndDatetime")):
        if field in spec:
            times[name] = timestamp(datetime.fromisoformat(spec[field]))
    if "schedulePeriodicMinutes" in spec:
        return {"periodic_schedule": {"interval_second": str(spec["schedulePeriodicMinutes"] * 60)} | times}
    return {"cron_schedule": {"cron": _cron(spec, zone)} | times}


def _cron(spec: Json, zone: str) -> str:
    """The expression without a zone, which the cron that Kubeflow Pipelines uses (robfig's first) does not know."""
    text = spec["scheduleCronExpression"].strip()
    cron = Cron.parse(text)
    if text.startswith(ZONE_PREFIXES):
        text = text.split(None, 1)[1]
    meant = cron.zone.key if cron.zone else spec["scheduleTimeZone"]
    if cron.every is None and not _same_zone(meant, zone):
        raise PermanentEngineError(
            f"Kubeflow Pipelines reads cron expressions in one time zone, here {zone}, and not in {meant}: write the "
            f"expression in {zone}, or set CRON_SCHEDULE_TIMEZONE there and EASYMAKER_CLUSTER_PIPELINES_TIME_ZONE here"
        )
    return text


def _same_zone(one: str, other: str) -> bool:
    return one == other or {zone_named(one).key, zone_named(other).key} <= ALWAYS_UTC
