"""An installation on one machine: local processes, tokens in a file, secrets in files."""

from adapters.easymaker.access import Principal, Role
from adapters.easymaker.api import system
from adapters.easymaker.api.authentication import TokenFile
from adapters.easymaker.api.rules import RolePolicy
from adapters.easymaker.catalogue import Catalogue
from adapters.easymaker.engines.local.engine import build_local, local_home
from adapters.easymaker.engines.local.pipeline_tokens import RunsAndOthers, RunTokens
from adapters.easymaker.engines.local.secret_files import SecretFiles
from adapters.easymaker.errors import TemporaryEngineError
from adapters.easymaker.installations import Installation
from adapters.easymaker.kinds.kind import Site
from adapters.easymaker.settings import Settings


def install_local(settings: Settings, entries: Catalogue) -> Installation:
    local, home = build_local(settings, entries), local_home(settings)
    api_url = f"http://{settings.host}:{settings.port}"

    def tensorboard_uri(appkey: str, experiment_id: str) -> str:
        return f"{api_url}/tensorboard/{experiment_id}?ticket={system.ticket(local.ticket_key, experiment_id)}"

    def storage_token(appkey: str, principal: Principal, seconds: float) -> str | None:
        try:
            return local.storage_token(appkey, principal.name, seconds, principal.role(appkey) is Role.OWNER)
        except TemporaryEngineError:
            return None

    return Installation(
        engine=local.engine,
        authenticator=RunsAndOthers(RunTokens(home), TokenFile(settings.secrets_dir / "tokens.json")),
        policy=RolePolicy(),
        secrets=SecretFiles(home),
        site=Site(settings.region, api_url, f"127.0.0.1:{settings.gateway_port}", tensorboard_uri),
        storage_token=storage_token,
        open_tensorboard=local.boards.open,
        ticket_key=local.ticket_key,
    )
