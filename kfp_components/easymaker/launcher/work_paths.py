"""Where things lie inside a launcher's work directory."""

from dataclasses import dataclass
from pathlib import Path

from kfp_components.easymaker.launcher.spec import LauncherSpec


@dataclass(frozen=True)
class WorkPaths:
    root: Path
    tensorboard: Path

    @classmethod
    def of(cls, spec: LauncherSpec) -> "WorkPaths":
        return cls(root=spec.work_dir, tensorboard=spec.tensorboard_dir or spec.work_dir / "tensorboard")

    @property
    def lock(self) -> Path:
        return self.root / "launcher.lock"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    def dataset(self, name: str) -> Path:
        return self.datasets / name

    @property
    def checkpoint_input(self) -> Path:
        return self.root / "checkpoint-input"

    @property
    def checkpoint(self) -> Path:
        return self.root / "checkpoint"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def venv(self) -> Path:
        return self.root / "venv"

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Of no use once the run is over."""
        return (self.source, self.datasets, self.checkpoint_input, self.home, self.temporary, self.venv)

    @property
    def disposable(self) -> tuple[Path, ...]:
        """All that an earlier run in this directory may have left. A tensorboard directory outside is not ours."""
        return (*self.inputs, self.checkpoint, self.model, self.root / "tensorboard")
