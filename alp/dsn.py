"""URLs of databases: what of them may be printed, and messages without what may not."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


def is_url(storage: str) -> bool:
    """Tell a database's URL from the path of a file."""
    return "://" in storage


def shown(storage: str) -> str:
    """Return what may be printed of a storage: of a URL the kind, host and database alone."""
    if not is_url(storage):
        return storage
    try:
        url = make_url(storage)
    except (ArgumentError, ValueError):
        return f"{storage.partition('://')[0]}://***"
    port = "" if url.port is None else f":{url.port}"
    place = f"{url.host or ''}{port}/{url.database or ''}"
    # A password with an unquoted @ is read as part of the host: what is before the last one goes.
    return f"{url.drivername}://{place.rpartition('@')[2]}"


def scrubbed(message: str, storage: str) -> str:
    """Return a message without the storage's URL, user, password and options."""
    if not is_url(storage):
        return message
    for secret in sorted(_secrets(storage), key=len, reverse=True):
        message = message.replace(secret, "***")
    return message


def _secrets(storage: str) -> set[str]:
    """Return what stands before the last @, and the values of options; also percent-decoded.

    The parts of a password too: a driver may take an unquoted @ for the start of the host.
    """
    rest = storage.partition("://")[2]
    credentials = rest.rpartition("@")[0]
    options = rest.partition("?")[2]
    if not credentials and not options:
        return set()
    user, _, password = credentials.partition(":")
    words = {storage, rest, credentials, user, password}
    words |= {option.partition("=")[2] for option in options.split("&")}
    words |= {unquote_plus(word) for word in words} | {unquote(word) for word in words}
    words |= {part for word in words - {storage, rest} for part in re.split("[@:/?&=]", word)}
    return {word for word in words if len(word) > 2 or (word and word == password)}
