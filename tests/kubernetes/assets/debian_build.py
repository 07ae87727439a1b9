"""Builds kube-apiserver from Debian's source package, for machines that reach Debian's archive and little else.

No root is needed and the system stays as it is: apt runs with a configuration, lists and downloads of its own, and
the compiler is unpacked into the working directory, not installed.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

# The last Debian release whose kubernetes package carries all its dependencies, so that it builds without a network.
SUITE = "bookworm"
VERSION = "1.20.2"
PACKAGES = ("golang-1.19-go", "golang-1.19-src", "etcd-server", "golang-github-modern-go-reflect2-dev")
# Kubernetes 1.20 carries a version of this that reads maps as Go laid them out before 1.18: with a newer Go the server
# crashes on the first object with labels that it sorts. Debian's package of the next version knows both.
_REPLACED = "github.com/modern-go/reflect2"
# Whether a value is zero was seen by comparing addresses; a newer Go gives all empty strings the same one, so that ""
# in a custom resource counted as null and was refused. What is meant is nil.
_MENDED = (
    "vendor/k8s.io/kube-openapi/pkg/validation/validate/type.go",
    "data == nil || reflect.DeepEqual(reflect.Zero(reflect.TypeOf(data)), reflect.ValueOf(data))",
    "data == nil",
)
TOOLS = ("apt-get", "apt-config", "dpkg", "tar")
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<address>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]+)")
_TAG = "+k8s:openapi-gen=true"
# Staging modules that the API server does not serve.
_NOT_SERVED = {"code-generator", "sample-apiserver", "sample-controller", "sample-cli-plugin"}


class CannotBuild(Exception):
    """Why this machine cannot build it, in one line."""


def build(work: Path, target: Path) -> str:
    """Leaves both binaries in ``target`` and returns the version; everything else stays below ``work``."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise CannotBuild(f"this is no Debian system ({', '.join(missing)} not found)")
    downloads = _download(work)
    _say("unpacking the compiler, etcd and the source of kube-apiserver")
    for archive in downloads.glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(work / "root")], work)
    source = _unpack_source(next(downloads.glob("kubernetes_*.orig.tar.*")), work)
    shutil.rmtree(source / "vendor" / _REPLACED)
    shutil.copytree(work / "root/usr/share/gocode/src" / _REPLACED, source / "vendor" / _REPLACED)
    file, wrong, right = _MENDED
    text = (source / file).read_text()
    if wrong not in text:
        raise CannotBuild(f"{file} is not the one that is known to need a change")
    (source / file).write_text(text.replace(wrong, right))
    _compile(source, work, target)
    shutil.copy2(work / "root/usr/bin/etcd", target / "etcd")
    return VERSION


def archive_entries(etc: Path) -> list[str]:
    """The system's own entries for Debian's main archive, pointed at SUITE, with sources."""
    found: dict[str, str] = {}
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if path.is_file() and path.suffix in (".list", ".sources"):
            read = _stanzas if path.suffix == ".sources" else _lines
            found.update(read(path.read_text("utf-8", "replace")))
    return [
        f"{kind} {f'[signed-by={key}] ' if key else ''}{address} {SUITE} main"
        for address, key in found.items()
        for kind in ("deb", "deb-src")
    ]


def _is_main_archive(suites: list[str], components: list[str]) -> bool:
    # Updates and security have suffixed suites; other vendors' archives have components or suites of their own.
    return "main" in components and any(suite.isalpha() for suite in suites)


def _stanzas(text: str) -> dict[str, str]:
    """Address -> key of a file in the deb822 format."""
    found: dict[str, str] = {}
    for stanza in text.split("\n\n"):
        lines = [line for line in stanza.splitlines() if line and line[0] not in "# \t" and ":" in line]
        fields = {key.strip().lower(): value.strip() for key, value in (line.split(":", 1) for line in lines)}
        suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
        if fields.get("enabled", "yes").lower() != "no" and _is_main_archive(suites, components):
            # A key written into the stanza itself has no path: apt's own key ring knows the archive's key anyway.
            key = fields.get("signed-by", "")
            found.update({uri: key if key.startswith("/") else "" for uri in fields.get("uris", "").split()})
    return found


def _lines(text: str) -> dict[str, str]:
    """Address -> key of a file in the one-line format."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        matched = _LINE.match(line.strip())
        if matched and _is_main_archive([matched["suite"]], matched["components"].split()):
            options = dict(option.split("=", 1) for option in (matched["options"] or "").split() if "=" in option)
            found[matched["address"]] = options.get("signed-by", "")
    return found


def _download(work: Path) -> Path:
    entries = archive_entries(Path("/etc/apt"))
    if "debian" not in platform.freedesktop_os_release()["ID"] or not entries:
        raise CannotBuild("apt here does not know Debian's archive")
    apt = work / "apt"
    for name in ("state/lists/partial", "cache/archives/partial", "downloads"):
        (apt / name).mkdir(parents=True)
    (apt / "sources.list").write_text("\n".join(entries) + "\n")
    # Proxies and the like are the system's; its hooks, which clean up after a real installation, are not taken over.
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout.splitlines()
    own = {
        "Dir::Etc::main": "/dev/null", "Dir::Etc::parts": "/dev/null", "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::sourcelist": apt / "sources.list", "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": apt / "state", "Dir::Cache": apt / "cache", "APT::Sandbox::User": "",
    }  # fmt: skip
    kept = [line for line in dump if line.startswith("Acquire::")]
    (apt / "apt.conf").write_text("\n".join([*kept, *(f'{key} "{value}";' for key, value in own.items())]) + "\n")
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
    _say("asking Debian's archive for kubernetes, golang and etcd (130 MB)")
    try:
        _run(["apt-get", "-qq", "update"], work, environment)
        _run(["apt-get", "-qq", "download", *PACKAGES], apt / "downloads", environment)
        _run(
            ["apt-get", "-qq", "source", "--download-only", "--only-source", "kubernetes"],
            apt / "downloads",
            environment,
        )
    except subprocess.CalledProcessError as error:
        raise CannotBuild(f"Debian's archive did not deliver ({_last_line(error)})") from error
    if not list((apt / "downloads").glob(f"kubernetes_*{VERSION}.orig.tar.*")):
        raise CannotBuild(f"Debian's archive has no kubernetes {VERSION} source")
    return apt / "downloads"


def _unpack_source(archive: Path, work: Path) -> Path:
    """Into a GOPATH. Debian's patches touch kubectl only, so the original source is built as it is."""
    home = work / "gopath/src/k8s.io"
    home.mkdir(parents=True)
    _run(["tar", "-xf", str(archive), "-C", str(home)], work)
    return next(home.iterdir()).rename(home / "kubernetes")


def _compile(source: Path, work: Path, target: Path) -> None:
    root = work / "root/usr/lib/go-1.19"
    go = str(root / "bin/go")
    environment = {
        "PATH": os.defpath, "HOME": str(work), "PWD": str(source), "GOROOT": str(root), "GOPATH": str(work / "gopath"),
        "GOCACHE": str(work / "gocache"), "GOENV": "off", "GO111MODULE": "off", "CGO_ENABLED": "0",
    }  # fmt: skip
    _say(f"compiling kube-apiserver {VERSION} for {platform.machine()} (minutes, once)")
    generator = work / "openapi-gen"
    _run(
        [go, "build", "-p", "2", "-o", str(generator), "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"],
        source,
        environment,
    )
    generate = [
        str(generator), "-i", ",".join(_described_packages(source)), "-p", "k8s.io/kubernetes/pkg/generated/openapi",
        "-O", "zz_generated.openapi", "-h", "hack/boilerplate/boilerplate.generatego.txt",
        "-r", str(work / "violations"),
    ]  # fmt: skip
    _run(generate, source, environment)
    major, minor, _ = VERSION.split(".")
    said = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = [f"k8s.io/kubernetes/vendor/k8s.io/{name}/version" for name in ("component-base", "client-go/pkg")]
    stamp = " ".join(["-s", "-w", *(f"-X {each}.{key}={value}" for each in packages for key, value in said.items())])
    server = [go, "build", "-p", "2", "-trimpath", "-ldflags", stamp, "-o", str(target), "./cmd/kube-apiserver"]
    _run(server, source, environment)


def _described_packages(source: Path) -> list[str]:
    """The packages whose types the OpenAPI document must describe; the generated file itself is not in the package."""
    staging = source / "staging/src"
    tagged = {
        path.parent.relative_to(staging)
        for module in sorted((staging / "k8s.io").iterdir())
        if module.is_dir() and module.name not in _NOT_SERVED
        for path in module.rglob("*.go")
        if _TAG in path.read_text("utf-8", "replace")
    }
    return [f"k8s.io/kubernetes/vendor/{package}" for package in sorted(tagged)]


def _run(command: list[str], directory: Path, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True, text=True)


def _last_line(error: subprocess.CalledProcessError) -> str:
    return ((error.stderr or "").strip().splitlines() or [f"exit code {error.returncode}"])[-1]


def _say(what: str) -> None:
    print(f"envtest: {what}", file=sys.stderr, flush=True)
