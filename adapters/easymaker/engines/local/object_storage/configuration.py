"""Swift's configuration files as text. Pure code.

Kept small on purpose: no tempurl, no bulk, no ACLs, no account management, no capability listing (``/info``). The
request log is off, so that no object name or token gets into a log file.
"""

from dataclasses import dataclass
from pathlib import Path

from adapters.easymaker.engines.local.object_storage.layout import DEVICE, Layout, Ports

# The object server refuses uploads below this much free space instead of filling the disk.
_RESERVED_SPACE = "1%"
# Against Swift's 64 KiB: fewer switches between the processes for each byte of a model.
_CHUNK_BYTES = 512 * 1024


@dataclass(frozen=True)
class Inputs:
    layout: Layout
    ports: Ports
    user: str
    token_key: Path


def configuration_files(inputs: Inputs, hash_suffix: str) -> dict[str, str]:
    """File name -> content of everything that belongs into the conf directory, rings aside."""
    return {
        "swift.conf": _swift_conf(hash_suffix),
        "proxy-server.conf": _proxy_conf(inputs),
        "account-server.conf": _backend_conf(inputs, "account", inputs.ports.account),
        "container-server.conf": _backend_conf(inputs, "container", inputs.ports.container),
        "object-server.conf": _backend_conf(inputs, "object", inputs.ports.object) + _OBJECT_UPDATER,
    }


def _swift_conf(hash_suffix: str) -> str:
    return f"""\
[swift-hash]
swift_hash_path_suffix = {hash_suffix}

[storage-policy:0]
name = Policy-0
default = yes
"""


def _default_section(inputs: Inputs, port: int) -> str:
    # workers = 0 serves in the process itself: one pid a server, and half the memory of a parent with one worker.
    return f"""\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {inputs.user}
swift_dir = {_escape(inputs.layout.conf)}
devices = {_escape(inputs.layout.devices)}
mount_check = false
disable_fallocate = true
fallocate_reserve = {_RESERVED_SPACE}
recon_cache_path = {_escape(inputs.layout.cache)}
log_level = WARNING
log_requests = false
expose_info = false
"""


def _proxy_conf(inputs: Inputs) -> str:
    # Swift's own order: copy above slo and dlo, so that copying a large object copies its content.
    return f"""\
{_default_section(inputs, inputs.ports.proxy)}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats auth copy slo dlo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = false
object_chunk_size = {_CHUNK_BYTES}
client_chunk_size = {_CHUNK_BYTES}
conn_timeout = 5
node_timeout = 60

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:healthcheck]
use = egg:swift#healthcheck

[filter:cache]
paste.filter_factory = easymaker_swift.memory_cache:filter_factory

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:auth]
paste.filter_factory = easymaker_swift.auth:filter_factory
key_file = {_escape(inputs.token_key)}

[filter:copy]
use = egg:swift#copy

[filter:slo]
use = egg:swift#slo

[filter:dlo]
use = egg:swift#dlo
"""


def _backend_conf(inputs: Inputs, kind: str, port: int) -> str:
    return f"""\
{_default_section(inputs, port)}
[pipeline:main]
pipeline = healthcheck key {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
conn_timeout = 5
node_timeout = 60
{_CHUNKS if kind == "object" else ""}
[filter:healthcheck]
use = egg:swift#healthcheck

[filter:key]
paste.filter_factory = easymaker_swift.backend:filter_factory
key_file = {_escape(inputs.layout.backend_key)}
"""


_CHUNKS = f"network_chunk_size = {_CHUNK_BYTES}\ndisk_chunk_size = {_CHUNK_BYTES}\n"
_OBJECT_UPDATER = """
[object-updater]
concurrency = 1
"""


def ring_arguments(layout: Layout, ports: Ports) -> tuple[str, ...]:
    """Arguments of ``easymaker_swift.rings``."""
    return (str(layout.conf), DEVICE, str(ports.account), str(ports.container), str(ports.object))


def _escape(path: Path) -> str:
    """Swift's configuration parser interpolates a value that holds ``%(``, and takes any other ``%`` as it is."""
    text = str(path)
    return text.replace("%", "%%") if "%(" in text else text
