"""JSON logs, one object a line, on stderr; values of credentials are taken out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(r"token|password|passwd|secret|authorization|api[-_]?key|credential", re.IGNORECASE)
_SECRET_TEXTS = re.compile(
    r"(?i)((?:bearer|authorization|password|token|secret|api[-_]?key)[\"']?\s*[:=]?\s*[\"']?)([\w\-.~+/=]{12,})"
)
_HIDDEN = "[redacted]"


def redacted(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor: names that say that their value is a secret, and texts that look as if they held one."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return _HIDDEN if _SECRET_NAMES.search(name) else _SECRET_TEXTS.sub(rf"\1{_HIDDEN}", value)


def configure(level: str) -> None:
    """Everything in this process, also what gRPC has to say in Python."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its words about every event loop and every call say nothing that our own do not.
    logging.getLogger("asyncio").setLevel("WARNING")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
