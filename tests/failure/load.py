"""Users who never stop asking: each create is repeated, with its key, until it is answered; every answer is kept."""

import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import httpx
from sqlalchemy import text

from tests.conftest import PATIENCE, Installation, wait_for
from tests.failure.life import KEYS, Life, Patient
from tests.failure.remains import database_of

READ_EVERY = 4


class Load:
    """Threads that create resources of one kind and read lists at the given adapters, in turn, until the block ends."""

    def __init__(
        self, installation: Installation, ports: Sequence[int] = (), threads: int = 3, plural: str = "experiments"
    ) -> None:
        self._installation = installation
        self._urls = [f"http://127.0.0.1:{port}/v1.0/appkeys/local" for port in ports or [installation.port]]
        self._plural, self._key = plural, KEYS[plural]
        self._body: dict[str, Any] = {}
        if plural == "training-templates":
            self._body = Life(installation, Patient(installation)).training_settings("load", 0)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(threads)]
        self._lock = threading.Lock()
        self._last_good = time.monotonic()
        self.prefix = f"load-{uuid.uuid4().hex[:8]}-"
        self.accepted: dict[str, str] = {}
        """Name to id of every create that was answered with success."""
        self.codes: Counter[int] = Counter()
        """Answers by status code; 0 is a connection that was refused or cut."""
        self.longest_silence = 0.0
        """Seconds between two answers that were not 503, at most."""

    def __enter__(self) -> "Load":
        self._last_good = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def run_until(self, count: int, seconds: float = PATIENCE) -> None:
        """Wait until this many creates more have been answered."""
        wanted, deadline = len(self.accepted) + count, time.monotonic() + seconds
        while len(self.accepted) < wanted:
            assert time.monotonic() < deadline, f"only {len(self.accepted)} of {wanted} in {seconds} s: {self.codes}"
            time.sleep(0.02)

    def lost(self) -> list[str]:
        """Accepted creates of which the table has nothing, or something else."""
        stored = self._stored()
        return [name for name, made in self.accepted.items() if stored.get(name) != [made]]

    def doubled(self) -> list[str]:
        return [name for name, ids in self._stored().items() if len(ids) > 1]

    def clear(self) -> None:
        """Delete everything of it: templates, which are nothing but rows, as such; else an adapter has to run."""
        if self._plural == "training-templates":
            with database_of(self._installation) as database, database.transaction() as connection:
                connection.execute(text("DELETE FROM resources WHERE name LIKE :prefix"), {"prefix": f"{self.prefix}%"})
            return
        api = Patient(self._installation)
        for ids in self._stored().values():
            for resource_id in ids:
                api.send("DELETE", f"/{self._plural}/{resource_id}")
        wait_for(lambda: not self._stored(), PATIENCE, "everything that was created is deleted")

    def unfinished(self) -> list[str]:
        """What has not become ACTIVE yet."""
        query = text("SELECT name FROM resources WHERE name LIKE :prefix AND status <> 'ACTIVE'")
        with database_of(self._installation) as database, database.transaction() as connection:
            return list(connection.execute(query, {"prefix": f"{self.prefix}%"}).scalars())

    def _stored(self) -> dict[str, list[str]]:
        """Ids by name, past the adapter."""
        found: dict[str, list[str]] = defaultdict(list)
        query = text("SELECT name, id FROM resources WHERE name LIKE :prefix")
        with database_of(self._installation) as database, database.transaction() as connection:
            for name, resource_id in connection.execute(query, {"prefix": f"{self.prefix}%"}):
                found[name].append(resource_id)
        return found

    def _ask(self, number: int) -> None:
        count = 0
        with httpx.Client(timeout=PATIENCE, headers=self._installation.headers()) as client:
            while not self._stop.is_set():
                count += 1
                self._create(client, f"{self.prefix}{number}-{count}", count)
                if count % READ_EVERY == 0:
                    self._send(client, "GET", f"{self._urls[count % len(self._urls)]}/trainings?page=1&limit=5")

    def _create(self, client: httpx.Client, name: str, turn: int) -> None:
        body = self._body | {f"{self._key}Name": name}
        while True:
            url = f"{self._urls[turn % len(self._urls)]}/{self._plural}"
            answer = self._send(client, "POST", url, json=body, headers={"Idempotency-Key": name})
            if answer is not None and answer.status_code == 200:
                self.accepted[name] = answer.json()[self._key][f"{self._key}Id"]
                return
            if self._stop.wait(0.02):
                return
            turn += 1

    def _send(self, client: httpx.Client, method: str, url: str, **options: Any) -> httpx.Response | None:
        try:
            answer = client.request(method, url, **options)
        except httpx.TransportError:
            answer = None
        with self._lock:
            self.codes[answer.status_code if answer is not None else 0] += 1
            if answer is not None and answer.status_code != 503:
                now = time.monotonic()
                self.longest_silence = max(self.longest_silence, now - self._last_good)
                self._last_good = now
        return answer
