"""What a download has done so far, in a file beside it: enough to go on after anything."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from alp.errors import ConfigError, DataError

_VERSION = 1
# Reorganisations are shorter; the file is written after each chunk and should stay small.
_BORDERS = 128


class Border(NamedTuple):
    """The end of a fetched chunk: everything up to this block is in the file."""

    block: int
    hash: str
    bytes: int
    rows: int


@dataclass
class FetchState:
    """Progress of fetching one pool's events; never holds the endpoint.

    Attributes
    ----------
    borders
        The last chunk ends, oldest first.
    complete
        Whether the file has its final name.
    """

    chain_id: int
    pool: str
    from_block: int
    to_block: int
    borders: list[Border] = field(default_factory=list)
    complete: bool = False

    @property
    def last(self) -> Border:
        """The newest border, or the state before the first chunk."""
        return self.borders[-1] if self.borders else Border(self.from_block - 1, "", 0, 0)

    def advance(self, border: Border) -> None:
        """Remember a finished chunk."""
        self.borders = [*self.borders, border][-_BORDERS:]

    def save(self, path: Path) -> None:
        """Write the state so that it is either the old or the new one, whatever happens."""
        text = json.dumps({"version": _VERSION, **asdict(self)}, indent=1)
        partial = path.with_name(path.name + ".new")
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> FetchState | None:
        """Return the state at `path`, or None if there is none.

        Raises
        ------
        DataError
            If the file is no such state.
        """
        if not path.exists():
            return None
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            if fields.pop("version") != _VERSION:
                raise ValueError("another version")
            borders = [Border(*each) for each in fields.pop("borders")]
            return cls(**fields, borders=borders)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"not the state of a download ({error})",
                path=path,
                hint="remove it, and the .part file beside it, to start again",
            ) from error

    def require(self, chain_id: int, pool: str, from_block: int, path: Path) -> None:
        """Refuse to go on with a download of something else.

        Raises
        ------
        ConfigError
            If chain, pool or first block differ.
        """
        wanted = (chain_id, pool, from_block)
        if (self.chain_id, self.pool, self.from_block) != wanted:
            raise ConfigError(
                f"{path}: a download of pool {self.pool} on chain {self.chain_id} from block "
                f"{self.from_block} was begun here, not of {pool} on chain {chain_id} from block "
                f"{from_block}",
                hint="choose another file name, or --restart to throw the old one away",
            )
