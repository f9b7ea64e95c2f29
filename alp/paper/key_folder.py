"""Keys of simulated accounts as folders that ``alp`` reads a strategy's credentials from."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from alp.errors import ConfigError
from alp.paper.accounts import Accounts, ApiKey, pem_of
from alp.venues.credentials import FILES, Credentials, read_credentials


def share_keys(accounts: Accounts, folder: Path) -> list[Path]:
    """Write each key into a folder of its own, or take the one that is there in its place.

    The folders are named after the accounts, ``first`` and ``second``, the further keys of one
    ``first-2`` and so on. Their files are those of a mounted secret.

    Returns
    -------
    list
        The folders.

    Raises
    ------
    ConfigError
        If a key cannot be written, or what is there is none.
    """
    folders = []
    for account in accounts.by_name.values():
        for number, key in enumerate(account.keys, start=1):
            own = folder / (account.name if number == 1 else f"{account.name}-{number}")
            folders.append(own)
            if (own / FILES["key"]).exists():
                read = read_credentials("the simulated venue", own)
                account.keys[number - 1] = ApiKey(read, key.permissions)
            else:
                _write(own, key.credentials)
    return folders


def _write(folder: Path, credentials: Credentials) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if credentials.secret is not None:
            _put(folder / FILES["secret"], credentials.secret.reveal())
        if credentials.passphrase is not None:
            _put(folder / FILES["passphrase"], credentials.passphrase.reveal())
        private = credentials.private_key
        if private is not None and not isinstance(private, RSAPrivateKey):
            _put(folder / FILES["private_key"], pem_of(private).reveal())
        _put(folder / FILES["key"], credentials.key)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}") from error


def _put(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
