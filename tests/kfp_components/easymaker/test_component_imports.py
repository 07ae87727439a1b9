"""``from kfp_components.easymaker import train``: the component, cheap until then, whoever else owns the name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).with_name("uv")
IS_COMPONENT = "assert type(train).__module__.startswith('kfp.') and train.name == 'train', train"


def python(code: str, **options: object) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_package_loads_nothing_of_kfp_by_itself() -> None:
    """The launcher lives in it, in images without kfp."""
    python(
        "import sys, kfp_components.easymaker.launcher, kfp_components.easymaker.images\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('kfp', 'httpx', 're2', 'numpy')]"
    )


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import kfp_components.easymaker.train",
        "import kfp_components.easymaker.train.component",
        "from kfp_components.easymaker.train.training import Outputs",
        "from kfp_components.easymaker import train\nimport kfp_components.easymaker.train.training",
    ],
    ids=["nothing", "package", "component", "code", "component, then code"],
)
def test_it_is_the_component_whatever_was_imported_before(before: str) -> None:
    """Python sets the attribute of a package to each subpackage that is imported, which has the same name here."""
    python(f"{before}\nfrom kfp_components.easymaker import train\n{IS_COMPONENT}")


def test_an_unknown_name_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="trian"):
        from kfp_components.easymaker import trian  # noqa: F401  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ours, built from a copy of what it is made of, and the official kfp-components of the package index."""
    folder = tmp_path_factory.mktemp("wheels")
    copy = folder / "source"
    packages = ("adapters", "kfp_components", "katib_suggestions", "kserve_runtimes")
    for name in packages:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    build = [UV, "build", "--quiet", "--wheel", "--out-dir", folder, copy]
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "kfp-components"]
    for command in (build, fetch):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"{command[1]} needs the package index: {done.stderr.strip()[-300:]}")
    (ours,) = folder.glob("kubeflow_easymaker-*.whl")
    (official,) = folder.glob("kfp_components-*.whl")
    return {"ours": ours, "official": official}


@pytest.mark.parametrize(
    "steps",
    [
        ["+ours"],
        ["+ours", "+official"],
        ["+official", "+ours"],
        ["+official", "+ours", "-official"],
        ["+ours", "+official", "-official"],
    ],
    ids=" ".join,
)
def test_beside_the_official_distribution_in_either_order(
    steps: list[str], wheels: dict[str, Path], tmp_path: Path
) -> None:
    """Both have a kfp_components, and only the official one an __init__.py in it."""
    environment = tmp_path / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    interpreter = environment / "bin" / "python"
    names = {"ours": "kubeflow-easymaker", "official": "kfp-components"}
    for step in steps:
        install = ["install", "--no-deps", wheels[step[1:]]] if step[0] == "+" else ["uninstall", names[step[1:]]]
        command = [UV, "pip", install[0], "--quiet", "--python", interpreter, *install[1:]]
        subprocess.run(command, check=True, capture_output=True)
    # kfp itself comes from this environment, as a path: its .pth files, and so our checkout, are not read.
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        f"from kfp_components.easymaker import train, COMPONENTS\n{IS_COMPONENT}\nimport kfp_components.easymaker as e"
    )
    code += f"\nassert e.__file__.startswith({str(environment)!r}), e.__file__"
    if "+official" in steps and "-official" not in steps:
        code += "\nimport kfp_components\nassert kfp_components.__file__"
    done = subprocess.run(
        [interpreter, "-c", code], env=os.environ | {"PYTHONPATH": libraries}, capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr[-3000:]
