"""Certificates that nobody vouches for, for machines that have no name in the world's DNS."""

import contextlib
import datetime as dt
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 820
"""Apple's systems take a certificate that its owner trusts for 825 days at most."""
_A_WHILE = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """A certificate and its key as PEM, good for `DAYS` from `now` for the host `names` and
    addresses. Raises `ValueError` where one of them is neither.
    """

    certificate: bytes
    key: bytes
    fingerprint: str

    @classmethod
    def made(cls, names: Sequence[str], now: dt.datetime) -> "SelfSigned":
        """A new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        called = [_general(name) for name in names]
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "davstore"),
                x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64]),
            ]
        )
        usage = x509.KeyUsage(True, *[False] * 8)  # noqa: FBT003 - signatures alone, RFC 5280
        builder = (
            x509.CertificateBuilder(issuer_name=subject, subject_name=subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _A_WHILE)  # of clients whose clocks are late
            .not_valid_after(now + dt.timedelta(days=DAYS))
            .add_extension(x509.SubjectAlternativeName(called), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        signed = builder.sign(key, hashes.SHA256())
        return cls(
            signed.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            signed.fingerprint(hashes.SHA256()).hex(":").upper(),
        )


def vouches_for_itself(certificate: bytes) -> bool:
    """Whether the first certificate of a PEM names itself as the one who issued it."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        return False
    return found.issuer == found.subject


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def own_names() -> list[str]:
    """What this machine is called, by itself and by its neighbours: names, then addresses."""
    host = socket.gethostname()
    local = [] if "." in host else [f"{host}.local", f"{host}.lan"]
    names = [host, socket.getfqdn(), *local, "localhost", *_addresses(), "127.0.0.1", "::1"]
    return list(dict.fromkeys(name for name in names if name))


def _addresses() -> Iterator[str]:
    """Those that connections leave from; nothing is sent to find out."""
    for family, away in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((away, 9))
            yield str(asked.getsockname()[0])
