"""Our Dockerfiles, read: what they copy, what their last stage sets and runs."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = {
    "adapter": ROOT / "adapters/easymaker/Dockerfile",
    "training": ROOT / "kfp_components/easymaker/launcher/Dockerfile",
    "components": ROOT / "kfp_components/easymaker/Dockerfile",
    "storage-initializer": ROOT / "kserve_runtimes/storage/Dockerfile",
    "katib-suggestions": ROOT / "katib_suggestions/Dockerfile",
    "mlserver": ROOT / "kserve_runtimes/models/Dockerfile",
}
SITE_PACKAGES = "/opt/easymaker/lib/python3.11/site-packages"


@dataclass(frozen=True)
class Instruction:
    name: str
    arguments: str
    stage: int

    @property
    def words(self) -> list[str]:
        """Of the JSON form, or of a plain line."""
        if self.arguments.startswith("["):
            return json.loads(self.arguments)
        return re.findall(r'"[^"]*"|\S+', self.arguments)


@dataclass(frozen=True)
class Dockerfile:
    path: Path
    instructions: list[Instruction] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Dockerfile":
        lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
        found, stage = [], -1
        for line in joined.splitlines():
            name, _, arguments = line.partition(" ")
            stage += name == "FROM"
            found.append(Instruction(name, arguments.strip(), stage))
        return cls(path, found)

    def all(self, name: str) -> list[Instruction]:
        return [each for each in self.instructions if each.name == name]

    def last(self, name: str) -> Instruction | None:
        """Of the image, which is the last stage on top of those that it begins with."""
        found = [each for each in self.all(name) if each.stage in self._image_stages()]
        return found[-1] if found else None

    def environment(self) -> dict[str, str]:
        """What the image sets."""
        image = self._image_stages()
        pairs = [word.partition("=") for each in self.all("ENV") if each.stage in image for word in each.words]
        return {name: value for name, _, value in pairs}

    def bases(self) -> set[str]:
        """What is taken from elsewhere."""
        return {each.words[0] for each in self.all("FROM")} - self._named_stages().keys()

    def _named_stages(self) -> dict[str, Instruction]:
        return {each.words[2]: each for each in self.all("FROM") if len(each.words) > 1}

    def _image_stages(self) -> set[int]:
        named, stage = self._named_stages(), self.all("FROM")[-1]
        found = {stage.stage}
        while stage.words[0] in named:
            stage = named[stage.words[0]]
            found.add(stage.stage)
        return found

    def copied(self) -> list[tuple[list[str], str]]:
        """Sources of the repository with their destination; not what one stage takes from another."""
        words = [each.words for each in self.all("COPY") if not each.arguments.startswith("--from")]
        return [(each[:-1], each[-1]) for each in words]
