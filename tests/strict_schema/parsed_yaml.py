"""CRD files as Python objects: two megabytes of YAML take a second to parse, so pytest's cache keeps the result."""

import contextlib
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

CACHE = Path(__file__).parents[2] / ".pytest_cache" / "strict_schema"


def documents(content: bytes) -> list[dict[str, Any]]:
    """The documents of a YAML file, from the cache where the same bytes were parsed before."""
    kept = CACHE / f"{hashlib.sha256(content).hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(kept.read_bytes())
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parsed = [each for each in yaml.load_all(content, loader) if each]
    with contextlib.suppress(OSError):
        _keep(kept, json.dumps(parsed, default=str))
    return parsed


def _keep(kept: Path, text: str) -> None:
    """Several test processes may do this at once: whoever renames last wins, with the same bytes."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=kept.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(kept)
