"""A certificate authority of this installation alone, and the gateway's certificate from it.

The authority may only vouch for this machine's loopback names (name constraints), so trusting it trusts nothing else.
"""

import datetime as dt
import ipaddress
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = dt.timedelta(days=3650)
LEAF_LIFE = dt.timedelta(days=90)
# Renewed when this much is left. The authority's successor has to be trusted anew, so it is replaced last of all.
RENEW_LEAF = dt.timedelta(days=30)
RENEW_AUTHORITY = LEAF_LIFE
_CLOCK_SKEW = dt.timedelta(hours=1)
_HOSTS = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
_CONSTRAINED_TO = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)


@dataclass(frozen=True)
class Leaf:
    """Files of the certificate in use; a renewed one has other names."""

    chain: Path
    key: Path


class Certificates:
    """Everything lies in one directory of mode 0700; keys are of mode 0600."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ca_file = directory / "ca.pem"
        self._ca_key = directory / "ca.key"

    def ensure(self, now: dt.datetime | None = None) -> Leaf:
        """A certificate that is valid for long enough; made or renewed when there is none. Call under a lock."""
        now = now or dt.datetime.now(dt.UTC)
        self._directory.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        self._directory.chmod(stat.S_IRWXU)
        authority = _load(self.ca_file)
        if authority is None or not self._ca_key.exists() or _ends(authority) - now < RENEW_AUTHORITY:
            authority = self._new_authority(now)
        leaf = self._current(authority, now)
        return leaf or self._new_leaf(authority, now)

    def _current(self, authority: x509.Certificate, now: dt.datetime) -> Leaf | None:
        for chain in sorted(self._directory.glob("leaf-*.pem"), reverse=True):
            leaf, certificate = Leaf(chain, chain.with_suffix(".key")), _load(chain)
            if certificate is None or not leaf.key.exists() or _ends(certificate) - now < RENEW_LEAF:
                continue
            try:
                certificate.verify_directly_issued_by(authority)
            except Exception:  # noqa: S112 - another authority's, or damaged: either way not ours to use
                continue
            return leaf
        return None

    def _new_authority(self, now: dt.datetime) -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"kubeflow-easymaker local CA {now:%Y-%m-%d}")])
        certificate = (
            _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.NameConstraints(list(_CONSTRAINED_TO), None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(self._ca_key, _private(key), 0o600)
        _write(self.ca_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return certificate

    def _new_leaf(self, authority: x509.Certificate, now: dt.datetime) -> Leaf:
        issuer = serialization.load_pem_private_key(self._ca_key.read_bytes(), None)
        assert isinstance(issuer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubeflow-easymaker gateway")])
        certificate = (
            _builder(name, authority.subject, key.public_key(), now, LEAF_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(list(_HOSTS)), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
            .sign(issuer, hashes.SHA256())
        )
        stale = [*self._directory.glob("leaf-*")]
        chain = self._directory / f"leaf-{now:%Y%m%dT%H%M%S%f}.pem"
        leaf = Leaf(chain, chain.with_suffix(".key"))
        _write(leaf.key, _private(key), 0o600)
        _write(leaf.chain, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        # The files in use are read when the configuration names them, so the one before stays until the next renewal.
        for path in sorted(stale)[:-2]:
            path.unlink(missing_ok=True)
        return leaf


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load(path: Path) -> x509.Certificate | None:
    """The certificate in the file; None when there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _ends(certificate: x509.Certificate) -> dt.datetime:
    return certificate.not_valid_after_utc


def _write(path: Path, content: bytes, mode: int) -> None:
    """Atomically, and never readable by others even for a moment (mkstemp makes it 0600)."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    Path(name).replace(path)
