"""The local CA: who may read its key, what it may vouch for, and renewal in time without a restart."""

import datetime as dt
import ipaddress
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from adapters.easymaker.engines.local.gateway.certificates import AUTHORITY_LIFE, LEAF_LIFE, RENEW_LEAF, Certificates

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_keys_are_the_owners_alone(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    leaf = certificates.ensure()
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    for key in (tmp_path / "tls" / "ca.key", leaf.key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(certificates.ca_file.stat().st_mode) == 0o644


def test_the_leaf_is_for_loopback_only_and_so_is_the_authority(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    leaf = read(certificates.ensure().chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert set(names.get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    }
    authority = read(certificates.ca_file)
    leaf.verify_directly_issued_by(authority)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees


def test_nothing_changes_while_it_is_valid_for_long(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    first = certificates.ensure(NOW)
    assert certificates.ensure(NOW + LEAF_LIFE - RENEW_LEAF - dt.timedelta(hours=1)) == first
    assert Certificates(tmp_path).ensure(NOW) == first


def test_the_leaf_is_renewed_before_its_end_and_the_authority_stays(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    first, authority = certificates.ensure(NOW), certificates.ca_file.read_bytes()
    later = NOW + LEAF_LIFE - RENEW_LEAF + dt.timedelta(hours=1)
    second = certificates.ensure(later)
    assert second != first
    assert read(second.chain).not_valid_after_utc > later + RENEW_LEAF
    assert certificates.ca_file.read_bytes() == authority
    assert first.key.exists(), "Envoy may still be reading it"
    for turn in range(1, 5):
        certificates.ensure(later + turn * LEAF_LIFE)
    assert len(list(tmp_path.glob("leaf-*.key"))) <= 2


def test_the_authority_is_replaced_before_its_end(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    first = certificates.ensure(NOW)
    late = NOW + AUTHORITY_LIFE - LEAF_LIFE + dt.timedelta(hours=1)
    second = certificates.ensure(late)
    assert second != first
    read(second.chain).verify_directly_issued_by(read(certificates.ca_file))


@pytest.mark.parametrize("damaged", ["ca.pem", "leaf"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damaged: str) -> None:
    certificates = Certificates(tmp_path)
    leaf = certificates.ensure()
    (leaf.chain if damaged == "leaf" else tmp_path / damaged).write_bytes(b"")
    read(certificates.ensure().chain).verify_directly_issued_by(read(certificates.ca_file))


def test_envoy_takes_a_renewed_certificate_without_a_restart(running: Any, make: Any) -> None:
    served = _served(running)
    pid = running.runner.observe("gateway").pid
    for path in (running.directory / "gateway" / "certificates").glob("leaf-*"):
        path.unlink()
    assert not running.gateway.restart_dead()
    make.wait_for(lambda: _served(running) != served, "the new certificate is served")
    assert running.runner.observe("gateway").pid == pid


def _served(running: Any) -> str:
    return ssl.get_server_certificate(("127.0.0.1", running.port), ca_certs=str(running.gateway.ca_file))
