"""The SDK's variables in shells that already have settings of their own."""

import subprocess
from pathlib import Path

import certifi
import pytest

from adapters.easymaker.cli import environment, tokens
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError
from adapters.easymaker.engines.local.gateway.certificates import Certificates
from adapters.easymaker.settings import Settings

CA = "-----BEGIN CERTIFICATE-----\ncompany\n-----END CERTIFICATE-----\n"


@pytest.fixture
def started(tmp_path: Path) -> Installation:
    """A home as it is after a first start, at the default ports."""
    installation = Installation(Settings(home=tmp_path / "a home's", cache=tmp_path / "cache"))
    tokens.first_token(installation)
    directory = installation.ca_file.parent
    directory.mkdir(parents=True)
    Certificates(directory).ensure()
    return installation


def test_default_port_is_the_sdks_local_profile(started: Installation) -> None:
    variables = environment.sdk_variables(started, {})
    assert variables["EM_PROFILE"] == "local"
    assert "EM_API_URL" not in variables


def test_stray_api_url_is_overruled(started: Installation) -> None:
    """The SDK prefers EM_API_URL over the profile, so a shell that has one must get ours."""
    variables = environment.sdk_variables(started, {"EM_API_URL": "https://elsewhere"})
    assert variables["EM_API_URL"] == "http://127.0.0.1:10090"


def test_other_port_is_named(tmp_path: Path, started: Installation) -> None:
    other = Installation(Settings(home=started.settings.home, port=12345))
    assert environment.sdk_variables(other, {})["EM_API_URL"] == "http://127.0.0.1:12345"


def test_nothing_started(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="up"):
        environment.sdk_variables(Installation(Settings(home=tmp_path / "none")), {})
    assert not (tmp_path / "none").exists()


def test_bundle_keeps_what_was_trusted(tmp_path: Path, started: Installation) -> None:
    company = tmp_path / "company.pem"
    company.write_text(CA)
    bundle = environment.write_bundle(started, {"REQUESTS_CA_BUNDLE": str(company)})
    assert bundle is not None
    first = bundle.read_text()
    assert "company" in first
    assert started.ca_file.read_text() in first
    again = environment.write_bundle(started, {"REQUESTS_CA_BUNDLE": str(bundle)})
    assert again == bundle
    assert bundle.read_text() == first


def test_bundle_has_the_usual_authorities_by_default(started: Installation) -> None:
    bundle = environment.write_bundle(started, {})
    assert bundle is not None
    assert Path(certifi.where()).read_text().strip() in bundle.read_text()


def test_bundle_of_a_directory(tmp_path: Path, started: Installation) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "a.pem").write_text(CA)
    (folder / "README").write_text("no certificate")
    bundle = environment.write_bundle(started, {"REQUESTS_CA_BUNDLE": str(folder)})
    assert bundle is not None
    assert "company" in bundle.read_text()
    assert "no certificate" not in bundle.read_text()


def test_loopback_is_kept_from_the_proxy(started: Installation) -> None:
    assert "NO_PROXY" not in environment.sdk_variables(started, {})
    given = {"https_proxy": "http://proxy:3128", "no_proxy": "intranet,localhost"}
    assert environment.sdk_variables(started, given)["no_proxy"] == "intranet,localhost,127.0.0.1"


def test_exports_survive_a_real_shell() -> None:
    value = "a 'b' \"c\" $(touch x) `d` \\ \n;#"
    script = environment.exports({"V": value}) + 'printf %s "$V"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == value
