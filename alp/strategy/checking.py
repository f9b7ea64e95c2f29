"""Everything there is to say about a manifest file: faults that stop it, and advice.

Advice is about what works here and may not work elsewhere, or does nothing: unquoted decimals,
files that are not there, settings without effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from alp.errors import ConfigError
from alp.strategy.catalogue import find
from alp.strategy.document import Document
from alp.strategy.loading import check_document, document_at
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, Path, Problem


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of checking one file.

    Parameters
    ----------
    name
        The file.
    strategy
        What it describes; None where it has problems.
    problems
        Why it is refused.
    advice
        What should be changed although it is accepted.
    """

    name: str
    strategy: Strategy | None
    problems: tuple[Problem, ...]
    advice: tuple[Problem, ...]


def check_file(path: FilePath) -> Report:
    """Read a manifest file and report on it; a wrong one is a report, not an exception."""
    name = str(path)
    try:
        document = document_at(path)
        strategy = check_document(document)
    except ManifestError as error:
        return Report(name, None, tuple(error.problems), ())
    except ConfigError as error:
        problem = Problem((), error.message.removeprefix(f"{name}: "))
        return Report(name, None, (problem,), ())
    strategy._source = None if name == "-" else path
    advice = [
        Problem(where, message, *(document.place(where) or (None, None)))
        for where, message in _advice(document, strategy)
    ]
    return Report(name, strategy, (), tuple(advice))


def _advice(document: Document, strategy: Strategy) -> Iterator[tuple[Path, str]]:
    yield from _unquoted(document.value)
    yield from _missing_files(strategy)
    yield from _without_effect(strategy)


def _unquoted(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _unquoted(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unquoted(inner, (*path, index))
    elif isinstance(value, Decimal):
        entry = find(path)
        if entry is not None and entry.schema.get("type") == ["number", "string"]:
            yield path, f'{value} is exact here, but Kubernetes needs quotes: "{value}"'


def _missing_files(strategy: Strategy) -> Iterator[tuple[Path, str]]:
    data = strategy.spec.backtest.data
    base: Path = ("spec", "backtest", "data")
    written = {(*base, "liquidity", "path"): data.liquidity.path}
    for name, file in (
        ("pool", data.pool),
        ("candles", data.candles),
        ("trades", data.trades),
        ("baseFee", data.base_fee),
    ):
        if file is not None:
            written[(*base, name, "path")] = file.path
            for index, each in enumerate(file.paths):
                written[(*base, name, "paths", index)] = each
    for path, text in written.items():
        if text is not None and not strategy.data_path(text).is_file():
            yield path, f"there is no file {strategy.data_path(text)}"


def _without_effect(strategy: Strategy) -> Iterator[tuple[Path, str]]:
    spec = strategy.spec
    if spec.venues and not spec.hedge.enabled:
        yield ("spec", "venues"), "are not used, because hedge.enabled is false"
    if spec.rebalance.inventory_deviation_bps == 10_000 and not spec.rebalance.price_move_bps:
        yield ("spec", "rebalance"), "never happens: both triggers are off"
    narrowest, spacing = spec.ranges.min_width_bps, spec.pool.tick_spacing
    if narrowest < spacing:
        yield (
            ("spec", "ranges", "minWidthBps"),
            f"{narrowest} is less than the pool's tick spacing, about {spacing} bps: no range is "
            "narrower than that",
        )
