"""A certificate that is good for this machine and nothing else."""

from __future__ import annotations

import ipaddress
import ssl
import subprocess
from pathlib import Path

from alp.errors import ConfigError

DAYS = 30


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate with the ``openssl`` command, or take the one that is in the folder.

    Parameters
    ----------
    folder
        Has ``key.pem`` and ``certificate.pem`` afterwards.
    host
        Name or address that it is for, besides 127.0.0.1 and localhost.

    Returns
    -------
    tuple
        The server's context, and one of clients that trust it.

    Raises
    ------
    ConfigError
        If it cannot be made or read.
    """
    key, chain = folder / "key.pem", folder / "certificate.pem"
    if not (key.exists() and chain.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _make(key, chain, host)
    try:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(chain, key)
        return server, ssl.create_default_context(cafile=str(chain))
    except ssl.SSLError as error:
        raise ConfigError(f"{folder}: its certificate cannot be read: {error.reason}") from error


def _make(key: Path, chain: Path, host: str) -> None:
    names = sorted({"IP:127.0.0.1", "DNS:localhost", _name(host)})
    subject = ("-subj", f"/CN={host}", "-addext", f"subjectAltName={','.join(names)}")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-days", str(DAYS), "-keyout", str(key), "-out", str(chain))
    command = ["openssl", "req", "-x509", *kind, *subject, *files]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    except FileNotFoundError:
        raise ConfigError(
            "there is no openssl command to make a certificate with",
            hint=f"put key.pem and certificate.pem into {key.parent}",
        ) from None
    except subprocess.CalledProcessError as error:
        raise ConfigError(f"openssl: {error.stderr.strip().splitlines()[-1:]}") from error


def _name(host: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"
