"""A real kube-apiserver with its etcd, for tests: TLS, RBAC and service account tokens as on a cluster, no controllers.

What a controller would do does not happen here: no garbage collection by owner references, no namespace clean-up
(``delete_namespace`` does it), no default service accounts, no pods that run.
"""

import contextlib
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from tests.kubernetes.assets.installed import server_version
from tests.kubernetes.certificates import Authority, KeyPair, write_private_key
from tests.kubernetes.crds import load_crds
from tests.kubernetes.kept_process import end_kept, start_kept
from tests.kubernetes.kubeconfig import kubeconfig_text

START_SECONDS = 120
# These wait for, or put finalizers on objects for, controllers that do not run here.
_WITHOUT_CONTROLLERS = "ServiceAccount,StorageObjectInUseProtection"
_ISSUER = "https://kubernetes.default.svc"
_ADMIN = ("envtest-admin", ("system:masters",))


class ServerDied(Exception):
    pass


class ApiServerProcess:
    """``ApiServerProcess(assets).start()``; also a context manager. Safe to use from several threads."""

    def __init__(self, assets: Path) -> None:
        self.assets = assets
        self.version = server_version(assets)
        self.home = Path(tempfile.mkdtemp(prefix="easymaker-apiserver-"))
        self.authority = Authority(self.home)
        self.ca_file = self.authority.file
        self.url = ""
        self._serving = self.authority.for_loopback("apiserver")
        self._users: dict[tuple[str, tuple[str, ...]], KeyPair] = {}
        self._stack = contextlib.ExitStack()
        write_private_key(self.home / "service-accounts.key", ec.generate_private_key(ec.SECP256R1()))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        for attempt in range(3):
            try:
                self._start()
                return self
            except ServerDied as error:
                self._stack.close()
                # Somebody else may have taken a port between its choice and its use.
                if attempt == 2 or "address already in use" not in str(error):
                    self.stop()
                    raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        self._stack.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def admin_kubeconfig(self) -> Path:
        return self.kubeconfig_for(*_ADMIN)

    def kubeconfig_for(self, user: str, groups: Collection[str] = ()) -> Path:
        """For a user who identifies with a client certificate; RBAC grants nothing by itself."""
        pair = self.certificate_for(user, groups)
        return self._write_kubeconfig(pair.certificate.stem, kubeconfig_text(self.url, self.ca_file, pair))

    def certificate_for(self, user: str, groups: Collection[str] = ()) -> KeyPair:
        wanted = (user, tuple(groups))
        if wanted not in self._users:
            self._users[wanted] = self.authority.for_user(f"user-{len(self._users)}", user, wanted[1])
        return self._users[wanted]

    def kubeconfig_with_token(self, token: str, url: str | None = None) -> Path:
        """For a service account, or for anybody through a proxy at ``url``."""
        return self._write_kubeconfig(
            f"token-{time.monotonic_ns()}", kubeconfig_text(url or self.url, self.ca_file, token)
        )

    def service_account_token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """Of a service account that is created if it does not exist."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        created = self.request("POST", accounts, {"metadata": {"name": name}})
        if created.status_code != 409:
            created.raise_for_status()
        wanted = {"spec": {"expirationSeconds": seconds}}
        answer = self.request("POST", f"{accounts}/{name}/token", wanted).raise_for_status()
        return answer.json()["status"]["token"]

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """As admin. ``body`` is sent as JSON; for a patch give ``headers={"Content-Type": …}``."""
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            return self.client.request(method, path, content=content, headers=headers, **options)
        except httpx.TransportError as error:
            self._tell_if_dead(error)
            raise

    def apply(self, path: str, manifest: dict[str, Any], manager: str = "envtest") -> dict[str, Any]:
        """Server-side apply as admin of what lies at ``path``."""
        parameters = {"fieldManager": manager, "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        answer = self.request("PATCH", path, manifest, params=parameters, headers=headers)
        assert answer.status_code in (200, 201), f"{path}: {answer.text}"
        return answer.json()

    def load_crds(self, directory: Path | None = None, names: Collection[str] | None = None) -> list[str]:
        """See ``crds.load_crds``."""
        return load_crds(self, directory, names)

    def client_for(self, token: str | None = None, url: str | None = None, **options: Any) -> httpx.Client:
        """Another HTTP client: with a bearer token, or nobody's; the caller closes it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        context = self.authority.client_context()
        return httpx.Client(base_url=url or self.url, verify=context, headers=headers, trust_env=False, **options)

    def _start(self) -> None:
        client_port, peer_port, port = _free_ports(3)
        etcd_url, peer_url = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
        data = Path(tempfile.mkdtemp(prefix="etcd-", dir=self.home))
        etcd = [
            str(self.assets / "etcd"), "--unsafe-no-fsync", "--name", "envtest", "--data-dir", str(data),
            "--listen-client-urls", etcd_url, "--advertise-client-urls", etcd_url,
            "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
            "--initial-cluster", f"envtest={peer_url}",
        ]  # fmt: skip
        self._processes = [start_kept(etcd, self.home / "etcd.log")]
        self._stack.callback(end_kept, self._processes[0])
        self._processes.append(start_kept(self._command(etcd_url, port), self.home / "apiserver.log"))
        self._stack.callback(end_kept, self._processes[1])
        self.url = f"https://127.0.0.1:{port}"
        context = self.authority.client_context(self.certificate_for(*_ADMIN))
        self.client = httpx.Client(base_url=self.url, verify=context, timeout=60, trust_env=False)
        self._stack.callback(self.client.close)
        self._wait_until_ready()

    def _command(self, etcd_url: str, port: int) -> list[str]:
        key = self.home / "service-accounts.key"
        options: dict[str, object] = {
            "etcd-servers": etcd_url,
            "bind-address": "127.0.0.1",
            "secure-port": port,
            "cert-dir": self.home,
            "tls-cert-file": self._serving.certificate,
            "tls-private-key-file": self._serving.key,
            "client-ca-file": self.ca_file,
            "authorization-mode": "RBAC",
            "service-account-issuer": _ISSUER,
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "service-cluster-ip-range": "10.0.0.0/24",
            "disable-admission-plugins": _WITHOUT_CONTROLLERS,
            "endpoint-reconciler-type": "none",
            "allow-privileged": "true",
            "profiling": "false",
        }
        return [str(self.assets / "kube-apiserver"), *(f"--{name}={value}" for name, value in options.items())]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._tell_if_dead(None)
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/readyz").status_code == 200:
                    return
            time.sleep(0.05)
        raise ServerDied(self._last_words())

    def _tell_if_dead(self, cause: Exception | None) -> None:
        if any(each.poll() is not None for each in self._processes):
            raise ServerDied(self._last_words()) from cause

    def _last_words(self) -> str:
        """Of both logs: the end, and a panic where there is one (its stack fills the end)."""
        logs = [(self.home / name).read_text(errors="replace") for name in ("etcd.log", "apiserver.log")]
        panics = [
            log[at : at + 3000] for log in logs if (at := max(log.find("\npanic: "), log.find("\nfatal error: "))) >= 0
        ]
        return "\n".join([*panics, *(log[-3000:] for log in logs)])

    def _write_kubeconfig(self, name: str, text: str) -> Path:
        path = self.home / f"{name}.kubeconfig"
        path.touch(0o600)
        path.write_text(text)
        return path


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
