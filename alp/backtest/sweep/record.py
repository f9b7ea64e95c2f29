"""What a study is a study of: strategy, data, space and version; resumed only by the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alp import __version__
from alp.backtest.sweep.objectives import Objective
from alp.backtest.sweep.space import Choices, Space
from alp.errors import ConfigError, DataError
from alp.strategy.loading import with_values
from alp.strategy.manifest import Spec, Strategy
from alp.strategy.simulation import DataFile

SCHEMA = "alp.sweep/1"

_WORDS = {
    "schema": "the study's own format",
    "alp_version": "the version of alp",
    "manifest_sha256": "the manifest",
    "data": "the data files",
    "space": "the parameters",
    "sampler": "the sampler",
    "seed": "the seed",
    "objectives": "the objectives",
}


def study_record(
    strategy: Strategy,
    folder: Path,
    space: Space,
    objectives: tuple[Objective, ...],
    sampler: str,
    seed: int,
) -> dict[str, Any]:
    """Return what identifies a study, as JSON holds it; reads and hashes every data file.

    Raises
    ------
    DataError
        If a data file is missing or cannot be read.
    """
    return {
        "schema": SCHEMA,
        "alp_version": __version__,
        "manifest_sha256": strategy.fingerprint(),
        "data": data_hashes(strategy, folder, space),
        "space": space.written(),
        "sampler": sampler,
        "seed": seed,
        "objectives": [f"{each.name}:{each.direction}" for each in objectives],
    }


def data_hashes(strategy: Strategy, folder: Path, space: Space) -> dict[str, list[str]]:
    """Return the SHA-256 of every file that a point of the space may read, by file name.

    Two files of one name in different folders both stand under it.

    Raises
    ------
    DataError
        If a file is missing or cannot be read.
    """
    hashes: dict[str, set[str]] = {}
    for path in dict.fromkeys(
        folder / name for spec in _variants(strategy, space) for name in _files(spec)
    ):
        hashes.setdefault(path.name, set()).add(_sha256(path))
    return {name: sorted(found) for name, found in sorted(hashes.items())}


def _variants(strategy: Strategy, space: Space) -> Iterator[Spec]:
    """Yield the manifest as it is, and with each value of each parameter that chooses data."""
    yield strategy.spec
    for parameter in space.parameters:
        if isinstance(parameter, Choices) and parameter.field.startswith("spec.backtest"):
            for value in parameter.values:
                try:
                    yield with_values(strategy, {parameter.field: value}).spec
                except ConfigError:
                    continue  # right only beside others: its trial will say which file is missing


def _files(spec: Spec) -> Iterator[str]:
    data = spec.backtest.data
    for each in (data.pool, data.candles, data.trades, data.base_fee):
        if isinstance(each, DataFile):
            yield from each.files
    if data.liquidity.path is not None:
        yield data.liquidity.path


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            path=path,
            hint="it is named in spec.backtest.data",
        ) from error


def check_same(name: str, stored: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    """Refuse to go on with a study that was begun with something else.

    Raises
    ------
    ConfigError
        Naming what differs.
    """
    if stored is None:
        raise ConfigError(
            f"study {name!r} was not made by alp sweep", hint="choose another name with --study"
        )
    different = [word for key, word in _WORDS.items() if stored.get(key) != wanted[key]]
    if different:
        raise ConfigError(
            f"study {name!r} was begun with something else: {_details(stored, wanted)}",
            hint="put that back to go on with it, or begin another with --study NAME",
        )


def _details(stored: dict[str, Any], wanted: dict[str, Any]) -> str:
    differences = []
    for key, word in _WORDS.items():
        then, now = stored.get(key), wanted[key]
        if then == now:
            continue
        if key == "data" and isinstance(then, dict):
            names = sorted(each for each in {*then, *now} if then.get(each) != now.get(each))
            differences.append(f"{word} {', '.join(names)} changed")
        elif key == "space" and isinstance(then, dict):
            names = [each for each in {**then, **now} if then.get(each) != now.get(each)]
            changed = (f"{each} was {then.get(each)}, now {now.get(each)}" for each in names)
            differences.append("; ".join(changed) or f"{word} are in another order")
        elif key == "manifest_sha256":
            differences.append(f"{word} changed ({str(then)[:12]}, now {str(now)[:12]})")
        else:
            differences.append(f"{word} was {_plain(then)}, now {_plain(now)}")
    return "; ".join(differences)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
