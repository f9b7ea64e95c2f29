"""``alp explain``: what a manifest, a field of it, or a quote means."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json

if TYPE_CHECKING:
    from alp.strategy import Strategy
    from alp.strategy.explain import RangeAtPrice, Setting

QUOTE = "quote"
"""In the place of a file; one that is called so is ``./quote``."""


def _price(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is not a number") from None
    if not price.is_finite() or price <= 0:
        raise click.BadParameter(f"{text} is not a positive number")
    return price


@click.command(
    cls=Command,
    examples={
        "alp explain examples/eth-usdc.yaml": "everything, defaults included",
        "alp explain examples/eth-usdc.yaml --price 2250": "with the ranges it would open there",
        "alp explain examples/eth-usdc.yaml spec.rebalance.cooldown": "one field",
        "alp explain examples/eth-usdc.yaml spec.hedge": "the fields of one section",
        "alp explain quote 1205 --state /var/lib/alp/eth-usdc": (
            "why the market maker's wish 1205 was so; `last` is the newest"
        ),
        "alp explain quote k3x9q-00007b000a1f --state /var/lib/alp/eth-usdc --json": (
            "the wish that an order came from, by its client id"
        ),
    },
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("field", required=False)
@click.option("--price", callback=_price, help="Price in quote per base, to show ranges in ticks.")
@click.option(
    "--state",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With quote: the strategy's folder of state, where its decisions are recorded.",
)
@json_option
def explain(
    file: Path, field: str | None, price: Decimal | None, state: Path | None, as_json: bool
) -> None:
    """Say what FILE will do, which values it uses and where they come from.

    Shown are the facts that follow from the pool (address, token order, tick spacing), each
    decision in words, and all settings: those left to their defaults are marked with a dot.
    FIELD, such as spec.rebalance.cooldown, explains that one alone: meaning, unit, bounds, default.

    `alp explain quote ID` says of a quote what it was decided on, which terms made it and what
    bound it. ID is a wish's number, `last`, or the client id of an order.
    """
    if str(file) == QUOTE:
        _explain_quote(field, state, as_json=as_json)
        return
    from alp.strategy import load_manifest

    strategy = load_manifest(file)
    if field is not None:
        _explain_field(strategy, field, as_json)
    elif as_json:
        print_json(_as_data(strategy, price))
    else:
        click.echo("\n".join(_as_text(strategy, price)))


def _explain_quote(sought: str | None, state: Path | None, *, as_json: bool) -> None:
    from alp.recording.explaining import find

    if sought is None or state is None:
        raise click.UsageError("alp explain quote ID --state FOLDER")
    found = find(state, sought)
    if as_json:
        print_json(found.as_dict())
    else:
        click.echo("\n".join(found.lines()))


def _as_text(strategy: Strategy, price: Decimal | None) -> list[str]:
    from alp.strategy.explain import in_words, pool_facts, settings

    pool = strategy.spec.pool
    return [
        f"{strategy.name}: {pool.base}/{pool.quote} {pool.fee_tier / 100:g} bps on {pool.chain}",
        f"fingerprint {strategy.fingerprint()}",
        "",
        "The pool",
        *(f"  {name:<14}{text}" for name, text in pool_facts(strategy).items()),
        "",
        "What it does",
        *(f"  {sentence}" for sentence in in_words(strategy)),
        "",
        *_range_lines(strategy, price),
        "",
        "Settings (· marks a default)",
        *_setting_lines(settings(strategy)),
    ]


def _range_lines(strategy: Strategy, price: Decimal | None) -> list[str]:
    from alp.strategy.explain import ranges_at

    if price is None:
        return ["Ranges in ticks: add --price"]
    pair = strategy.pair()
    tick = pair.price_to_tick(float(price))
    title = f"Ranges at {price} {pair.quote_symbol} per {pair.base_symbol}, tick {tick}"
    return [title, *(_range_line(each) for each in ranges_at(strategy, price))]


def _range_line(shown: RangeAtPrice) -> str:
    return (
        f"  {shown.title:<12}{shown.side}  [{shown.tick_lower}, {shown.tick_upper})  "
        f"{shown.width_bps:.0f} bps  {shown.price_lower:.6g} to {shown.price_upper:.6g}"
    )


def _setting_lines(settings: list[Setting]) -> list[str]:
    width = max(len(setting.where) for setting in settings)
    return [
        f"{' ' if setting.given else '·'} {setting.where:<{width}}  {_value(setting.value)}"
        for setting in settings
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _as_data(strategy: Strategy, price: Decimal | None) -> dict[str, Any]:
    from dataclasses import asdict

    from alp.strategy.explain import in_words, pool_facts, ranges_at, settings

    data = {
        "name": strategy.name,
        "fingerprint": strategy.fingerprint(),
        "pool": pool_facts(strategy),
        "words": in_words(strategy),
        "settings": [
            {"field": each.where, "value": each.value, "given": each.given}
            for each in settings(strategy)
        ],
        "effective": strategy.effective(),
    }
    if price is not None:
        data["ranges"] = [asdict(each) for each in ranges_at(strategy, price)]
    return data


def _explain_field(strategy: Strategy, field: str, as_json: bool) -> None:
    from alp.strategy.catalogue import entries
    from alp.strategy.explain import field_at
    from alp.strategy.problems import read_path
    from alp.strategy.reference import type_in_words

    path = read_path(field)
    entry, value, given = field_at(strategy, path)
    if entry is None:
        raise click.BadParameter(_no_such_field(field), param_hint="FIELD")
    facts: dict[str, Any] = {
        "field": field,
        "meaning": entry.meaning,
        "type": type_in_words(entry, links=False),
        "allowed": entry.bounds.replace("`", "") or None,
        "required": entry.required,
        "default": entry.default,
        "value": value,
        "given": given,
    }
    if as_json:
        print_json(facts)
        return
    click.echo(f"{field}: {facts['type']}\n  {entry.meaning}")
    if facts["allowed"]:
        click.echo(f"  allowed: {facts['allowed']}")
    if entry.section is None:
        origin = "given" if given else "its default" if value is not None else "not set"
        click.echo(f"  here: {_value(value) if value is not None else '-'} ({origin})")
        if entry.default not in (None, []):
            click.echo(f"  default: {_value(entry.default)}")
    else:
        click.echo("  fields:")
        for inner in entries(entry.section, entry.path):
            click.echo(f"    {inner.name:<22}{inner.meaning}")


def _no_such_field(field: str) -> str:
    from alp.strategy.catalogue import all_entries
    from alp.strategy.suggest import did_you_mean

    known = {entry.where: entry.name for entry in all_entries()}
    wanted = field.rpartition(".")[2]
    by_name = [where for where, name in known.items() if name == wanted]
    near = f"; did you mean {' or '.join(by_name)}?" if by_name else did_you_mean(field, known)
    return f"a manifest has no field {field}{near}"
