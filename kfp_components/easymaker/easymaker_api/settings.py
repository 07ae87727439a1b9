"""Where the EasyMaker API is and who calls it: the same environment variables that the official SDK reads."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

LOCAL_URL = "http://127.0.0.1:10090"


class ApiNotConfigured(Exception):
    """The environment does not say where the API is."""


@dataclass(frozen=True)
class ApiSettings:
    """``lineage`` are fields of every create request made inside a pipeline run."""

    url: str
    appkey: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    lineage: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def found_in(cls, environ: Mapping[str, str] | None = None) -> "ApiSettings | None":
        """None where no address is set.

        EM_API_URL, or EM_PROFILE=local for an adapter on this machine; EM_APPKEY; EM_TOKEN or EM_ACCESS_TOKEN;
        EM_PIPELINE_RUN_ID and EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME.
        """
        environ = os.environ if environ is None else environ
        url = environ.get("EM_API_URL", "").rstrip("/")
        if not url and environ.get("EM_PROFILE") == "local":
            url = LOCAL_URL
        if not url:
            return None
        return cls(
            url=url,
            appkey=environ.get("EM_APPKEY") or "local",
            headers=_credentials(environ),
            lineage=_lineage(environ),
        )

    @classmethod
    def required(cls, environ: Mapping[str, str] | None = None) -> "ApiSettings":
        """Raises ApiNotConfigured where no address is set."""
        found = cls.found_in(environ)
        if found is None:
            raise ApiNotConfigured(
                "this step needs the EasyMaker API: set EM_API_URL, EM_APPKEY and EM_TOKEN "
                "(`kubeflow-easymaker env` prints them for an adapter on this machine)"
            )
        return found


def trusted(environ: Mapping[str, str] | None = None) -> ssl.SSLContext:
    """Whom https connections trust: the bundle that the environment names, else what the machine trusts."""
    environ = os.environ if environ is None else environ
    bundle = environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE")
    return ssl.create_default_context(cafile=bundle or None)


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    if token := environ.get("EM_TOKEN"):
        return {"X-EasyMaker-Token": token}
    if token := environ.get("EM_ACCESS_TOKEN"):
        return {"x-nhn-authorization": f"Bearer {token}"}
    return {}


def _lineage(environ: Mapping[str, str]) -> dict[str, str]:
    named = {
        "parentPipelineRunId": environ.get("EM_PIPELINE_RUN_ID"),
        "parentPipelineRunTaskName": environ.get("EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"),
    }
    return {name: value for name, value in named.items() if value}
