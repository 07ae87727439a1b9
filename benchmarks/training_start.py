"""From POST training to the first line of its entry point, against the same script started bare."""

import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.installation import running, wait_for

ROUNDS = 10
AIM_SECONDS = 1.5
SCRIPT = "import time; began = time.time()\nimport sys\nprint('first line', began, sys.executable)\n"
SETTLED = ("COMPLETE", "FAIL_TRAIN", "CREATE_FAILED", "STOPPED")


def first_line(printed: str) -> tuple[float, str]:
    """When the script began, and the interpreter that ran it."""
    words = printed.partition("first line ")[2].split()
    return float(words[0]), words[1]


def named(client: httpx.Client, plural: str, key: str, name: str) -> dict[str, Any]:
    found = client.get(f"/{plural}").json()[f"{plural.removesuffix('s')}List"]
    return next(entry for entry in found if entry[key] == name)


def train(client: httpx.Client, body: dict[str, Any]) -> tuple[float, str]:
    """Seconds from the request to the entry point's first line, and the interpreter."""
    asked = time.time()
    made = client.post("/trainings", json=body).raise_for_status().json()["training"]["trainingId"]

    def ended() -> bool:
        training = client.get(f"/trainings/{made}").json()["training"]
        if training["trainingStatusCode"] in SETTLED[1:]:
            raise RuntimeError(training["trainingStatusReason"])
        return training["trainingStatusCode"] == SETTLED[0]

    wait_for(ended, "the training ends", 600)
    began, python = first_line(client.get(f"/trainings/{made}/logs").json()["log"]["content"])
    return began - asked, python


def bare(python: str, script: Path) -> float:
    asked = time.time()
    done = subprocess.run([python, str(script)], capture_output=True, text=True, check=True)
    return first_line(done.stdout)[0] - asked


def run() -> dict[str, Any]:
    with running() as installation, installation.api(installation.token()) as client:
        source = installation.home / "nas" / "local" / "code"
        source.mkdir(parents=True)
        (source / "main.py").write_text(SCRIPT)
        experiment = client.post("/experiments", json={"experimentName": "start"}).json()["experiment"]["experimentId"]
        body = {
            "trainingName": "start",
            "experimentId": experiment,
            "imageId": named(client, "images", "imageName", "Ubuntu 22.04 CPU Python Training")["imageId"],
            "flavorId": named(client, "flavors", "name", "m2.c1m2")["id"],
            "sourceDirUri": "nas://code:/",
            "entryPoint": "main.py",
            "modelUploadUri": "nas://out:/",
            "timeoutMinutes": 60,
        }
        _, python = train(client, body)
        pairs = [(train(client, body)[0], bare(python, source / "main.py")) for _ in range(ROUNDS)]
    added = [ours - theirs for ours, theirs in pairs]
    return {
        "training_seconds": statistics.median(pair[0] for pair in pairs),
        "bare_seconds": statistics.median(pair[1] for pair in pairs),
        "added_seconds": {"median": statistics.median(added), "min": min(added), "max": max(added)},
        "aim_seconds": AIM_SECONDS,
        "passed": statistics.median(added) <= AIM_SECONDS,
    }


if __name__ == "__main__":
    print(run())
