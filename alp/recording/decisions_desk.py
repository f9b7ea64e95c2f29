"""From a log's header to the desk that wrote it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from alp.errors import ConfigError
from alp.models.desk import Desk
from alp.recording.decisions_file import DeskHeader
from alp.strategy.loading import load_manifest

OWN = "alp."
"""A file is not trusted to name code: only modules of alp are imported because a log says so."""


def maker_of(
    chosen: str | None = None, manifest: bytes | None = None
) -> Callable[[DeskHeader], Desk]:
    """Return what makes a header's desk.

    Parameters
    ----------
    chosen
        ``module:name`` to call in place of the header's: with the strategy, the instruments and,
        by name, the header's options.
    manifest
        In place of the header's.

    Raises
    ------
    ConfigError
        From what is returned: where the header names code that is not alp's and nothing was
        chosen, where there is no such code, or it makes no desk.
    """

    def make(header: DeskHeader) -> Desk:
        name = chosen or header.desk
        if not chosen and not name.startswith(OWN):
            raise ConfigError(
                f"the log was written by the desk {name!r}, which is not alp's own",
                hint=f"if you trust it: --desk {name}",
            )
        text = (header.manifest if manifest is None else manifest).decode()
        strategy = load_manifest(text + "\n")  # text has a line break, a path none
        desk = _named(name)(strategy, header.instruments, **header.options)
        if not isinstance(desk, Desk):
            raise ConfigError(f"{name} makes a {type(desk).__name__}, which is no Desk")
        return desk

    return make


def _named(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"no desk {name!r}: {error}", hint="module:name, importable") from error
    if not callable(found):
        raise ConfigError(f"{name} cannot be called")
    made: Callable[..., Any] = found
    return made
