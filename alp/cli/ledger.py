"""``alp ledger``: what we have and why, as the ledger says; and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.lazy import Command, LazyGroup
from alp.cli.options import iso_time, json_option, print_json
from alp.errors import CheckFailed, ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from alp.ledger.assets import Assets
    from alp.ledger.books import Snapshot
    from alp.ledger.store import Booked

LEDGER = click.argument("ledger", metavar="LEDGER", envvar="ALP_LEDGER")


@click.group(
    cls=LazyGroup,
    examples={
        "alp ledger show ledger.db": "what do we have, and where did it come from?",
        "ALP_LEDGER=postgresql://host/alp alp ledger verify": "is it whole?",
    },
)
def ledger() -> None:
    """Look into the ledger: the accounts at venues and on chain, their entries, their profit.

    LEDGER is the path of an SQLite file or a URL of PostgreSQL, best told in the environment as
    ALP_LEDGER if it holds a password. All but `migrate` only read, and may be used while the
    ledger's writer runs.
    """


@ledger.command(
    cls=Command,
    examples={
        "alp ledger show ledger.db": "balances, holdings, profit and its attribution",
        "alp ledger show --entries 20 ledger.db": "the newest entries too",
        "alp ledger show --json ledger.db | jq .attribution": "as data, exact",
    },
)
@LEDGER
@click.option("--entries", default=0, metavar="N", help="The newest N entries too.")
@json_option
def show(ledger: str, entries: int, as_json: bool) -> None:
    """Say what the LEDGER leads to: balances, cost, realised and unrealised profit, attribution."""
    from alp.ledger.assets import Assets
    from alp.ledger.store import read_assets, read_books, stream_entries

    with _reading(ledger) as connection:
        snapshot = read_books(connection).snapshot()
        table = {each.name: each for each in read_assets(connection)}
        assets = Assets(table[snapshot.quote], tuple(table.values()))
        newest = list(stream_entries(connection, entries)) if entries > 0 else []
    newest.reverse()
    if as_json:
        print_json(_data(snapshot, assets) | ({"entries": _rows(newest)} if entries > 0 else {}))
        return
    _print(snapshot, assets)
    for row in _rows(newest):
        undoes = f" undoes {row['reverses']}" if row["reverses"] else ""
        about = f"{row['kind']:<10} {row['proof']}{undoes} {row['content']}"
        click.echo(f"{row['sequence']:>10} {iso_time(row['at_ns'])} {about}")


@ledger.command(
    cls=Command,
    examples={
        "alp ledger verify ledger.db && echo whole": "exit code 1 where it is not",
        "alp ledger verify --json ledger.db": "as data",
    },
)
@LEDGER
@json_option
def verify(ledger: str, as_json: bool) -> None:
    """Book every event of the LEDGER again and compare: postings, sums, sequence, state.

    Exit code 1 says that something in it is not what it was when it was booked.
    """
    from dataclasses import asdict

    from alp.dsn import shown
    from alp.ledger.verify import verify as verify_ledger

    with _engine(ledger) as engine:
        found = verify_ledger(engine, shown(ledger))
    if as_json:
        print_json({**asdict(found), "whole": found.whole})
    else:
        click.echo(
            f"{shown(ledger)}: {found.entries:,} entries of {found.postings:,} postings and"
            f" {found.marks:,} marks, up to {found.sequence:,}"
        )
        for each in found.faults:
            click.echo(f"  {each}")
    if not found.whole:
        raise CheckFailed(
            f"{shown(ledger)}: the ledger is not what was booked",
            hint="keep it as it is, restore a copy or rebuild from venue and chain",
        )


@ledger.command(
    cls=Command,
    examples={"alp ledger export ledger.db tables": "tables/entries.parquet and three more"},
)
@LEDGER
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_option
def export(ledger: str, folder: Path, as_json: bool) -> None:
    """Write the LEDGER into FOLDER as parquet files: entries, postings, marks, assets."""
    from alp.dsn import shown
    from alp.ledger.export import export as export_ledger

    with _engine(ledger) as engine:
        rows = export_ledger(engine, shown(ledger), folder)
    if as_json:
        print_json(
            {name: {"path": f"{folder / name}.parquet", "rows": n} for name, n in rows.items()}
        )
        return
    for name, number in rows.items():
        click.echo(f"{folder / name}.parquet: {number:,} rows")


@ledger.command(
    cls=Command,
    examples={"alp ledger migrate ledger.db": "make its tables, or bring them to this alp's"},
)
@LEDGER
@json_option
def migrate(ledger: str, as_json: bool) -> None:
    """Make the tables of the LEDGER, or bring an older alp's to what this one writes.

    Stop its writer before, and keep a copy. It is done wholly or not at all.
    """
    from alp.dsn import shown
    from alp.ledger.migrate import migrate as migrate_ledger

    with _engine(ledger, made=True) as engine:
        done = migrate_ledger(engine, shown(ledger))
    if as_json:
        print_json({"before": done.before, "after": done.after})
    elif done.before == done.after:
        click.echo(f"{shown(ledger)}: revision {done.after}, nothing to do")
    else:
        click.echo(f"{shown(ledger)}: {done.before or 'no ledger'} -> {done.after}")


@contextmanager
def _engine(place: str, *, made: bool = False) -> Iterator[Engine]:
    from alp.dsn import is_url, shown
    from alp.ledger.database import guarded, open_engine

    if not made and not is_url(place) and not Path(place).is_file():
        raise ConfigError(f"{place}: there is no ledger", hint=f"alp ledger migrate {shown(place)}")
    engine = open_engine(place)
    try:
        with guarded(place):
            yield engine
    finally:
        engine.dispose()


@contextmanager
def _reading(place: str) -> Iterator[Connection]:
    from alp.dsn import shown
    from alp.ledger.database import reading
    from alp.ledger.migrate import require_newest

    with _engine(place) as engine, reading(engine) as connection:
        require_newest(connection, shown(place))
        yield connection


def _data(snapshot: Snapshot, assets: Assets) -> dict[str, Any]:
    """Return a snapshot as data: amounts in raw units as text, values in whole quote units."""
    attribution = snapshot.attribution_x96
    return {
        "sequence": snapshot.sequence,
        "at_ns": snapshot.at_ns,
        "quote": snapshot.quote,
        "decimals": {name: each.decimals for name, each in sorted(assets.items())},
        "balances": [
            {"kind": kind, "owner": owner, "asset": asset, "amount": str(amount)}
            for (kind, owner, asset), amount in snapshot.balances.items()
        ],
        "holdings": [
            {
                "asset": each.asset,
                "quantity": str(each.quantity),
                "basis_known": each.basis_known,
                **{
                    name.removesuffix("_x96"): None if value is None else _value(assets, value)
                    for name, value in (
                        ("cost_x96", each.cost_x96),
                        ("realised_x96", each.realised_x96),
                        ("unrealised_x96", each.unrealised_x96),
                    )
                },
            }
            for each in snapshot.holdings
        ],
        "nav": _value(assets, snapshot.nav_x96),
        "profit": _value(assets, snapshot.profit_x96),
        "realised": _value(assets, snapshot.realised_x96),
        "unrealised": _value(assets, snapshot.unrealised_x96),
        "attribution": {name: _value(assets, value) for name, value in attribution.items()},
        "attribution_x96": {name: str(value) for name, value in attribution.items()},
        "unpriced": list(snapshot.unpriced),
    }


def _value(assets: Assets, value_x96: int) -> str:
    """Write a value in whole quote units, to the nearest raw unit; JSON has exact ones beside."""
    from alp.ledger.accounts import UNIT_X96

    return assets.quote.text((value_x96 + UNIT_X96 // 2) // UNIT_X96)


def _print(snapshot: Snapshot, assets: Assets) -> None:
    quote = snapshot.quote
    click.secho(f"entry {snapshot.sequence:,}, {iso_time(snapshot.at_ns)}", bold=True)
    for account, amount in snapshot.balances.items():
        click.echo(f"  {account!s:<44} {assets[account.asset].text(amount):>32}")
    click.echo(f"holdings, values in {quote}")
    for each in snapshot.holdings:
        cost = "" if each.cost_x96 is None else f" cost {_value(assets, each.cost_x96)}"
        unrealised = each.unrealised_x96
        click.echo(
            f"  {each.asset:<12} {assets[each.asset].text(each.quantity):>32}{cost}"
            f"{'' if each.basis_known else ' (adopted: its true cost is unknown)'}"
            f" realised {_value(assets, each.realised_x96)} unrealised"
            f" {'unknown' if unrealised is None else _value(assets, unrealised)}"
        )
    click.echo(
        f"net asset value {_value(assets, snapshot.nav_x96)} {quote},"
        f" profit {_value(assets, snapshot.profit_x96)}"
    )
    for name, value in snapshot.attribution_x96.items():
        click.echo(f"  {name:<12} {_value(assets, value):>32}")
    if snapshot.unpriced:
        click.echo(f"without a mark, and in none of the values: {', '.join(snapshot.unpriced)}")


def _rows(entries: list[Booked]) -> list[dict[str, Any]]:
    return [each._asdict() for each in entries]
