"""``alp journal``: what an account's intent journal says, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.lazy import Command, LazyGroup
from alp.cli.options import iso_time, json_option, print_json
from alp.errors import CheckFailed, DataError

if TYPE_CHECKING:
    from alp.journal.layout import Record
    from alp.journal.read import JournalState

FOLDER = click.argument(
    "path", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="PATH"
)


@click.group(
    cls=LazyGroup,
    examples={
        "alp journal show /var/lib/alp/kraken": "what is open, and what was held?",
        "alp journal verify /var/lib/alp/kraken": "is it whole?",
    },
)
def journal() -> None:
    """Look into the intent journal of an account: a folder that its execution handler writes.

    Both commands only read, and may be used while the handler runs.
    """


@journal.command(
    cls=Command,
    examples={
        "alp journal show /var/lib/alp/kraken": "orders and positions",
        "alp journal show --records /var/lib/alp/kraken | tail": "the last records, one a line",
        "alp journal show --json /var/lib/alp/kraken | jq .orders": "as data",
    },
)
@FOLDER
@click.option("--records", is_flag=True, help="Every record since the last checkpoint.")
@json_option
def show(path: Path, records: bool, as_json: bool) -> None:
    """Say what the journal in the folder PATH leads to: what a restart would know."""
    state = _read(path)
    rows = [_row(each) for each in _records(state)] if records else []
    if as_json:
        print_json({**_summary(state), **({"records": rows} if records else {})})
        return
    if records:
        for row in rows:
            members = " ".join(f"{name}={value}" for name, value in row["members"].items())
            click.echo(
                f"{row['sequence']:>10} {iso_time(row['at_ns'])} {row['kind']:<10} {members}"
            )
        return
    _print(state)


@journal.command(
    cls=Command,
    examples={
        "alp journal verify /var/lib/alp/kraken && echo whole": "exit code 1 where it is not",
        "alp journal verify --json /var/lib/alp/kraken": "as data",
    },
)
@FOLDER
@json_option
def verify(path: Path, as_json: bool) -> None:
    """Check every record in the folder PATH; a torn end is told, and only a loss is a failure.

    Exit code 1 says that records which had been acknowledged as durable are gone.
    """
    state = _read(path)
    facts = _facts(state)
    if as_json:
        print_json(facts)
    else:
        click.echo(
            f"{path}: {facts['records']:,} records up to {facts['sequence']:,},"
            f" token {facts['token']}, schema {facts['schema']}"
        )
        for each in state.damages:
            click.echo(f"  {each}")
    if state.lost:
        raise CheckFailed(
            f"{path}: the journal has lost records",
            hint="the handler asks the venue for its orders and trades when it starts; keep the"
            " damaged file",
        )


def _read(path: Path) -> JournalState:
    from alp.journal.folder import Folder
    from alp.journal.read import read_journal

    state = read_journal(Folder(path))
    if state is None:
        raise DataError("there is no journal in this folder", path=path)
    return state


def _facts(state: JournalState) -> dict[str, Any]:
    return {
        "account": state.head.account,
        "schema": state.head.schema,
        "token": state.head.token,
        "records": state.replay.records,
        "sequence": state.replay.sequence,
        "closed": state.closed,
        "lost": state.lost,
        "damages": [
            {
                "file": each.path.name,
                "offset": each.offset,
                "bytes": each.size,
                "after": each.after,
                "lost": each.lost,
                "records": each.records,
            }
            for each in state.damages
        ],
    }


def _summary(state: JournalState) -> dict[str, Any]:
    orders, instruments = [], []
    for index, each in enumerate(state.instruments):
        position = state.orders.exposure(index).position
        instruments.append({**each._asdict(), "position": position})
        orders += [_order(order) for order in state.orders.open_orders(index)]
    gate = state.gate and dict(zip(("state", "killed", "why"), state.gate, strict=True))
    trades = {
        str(index): {"trade_id": trade_id, "venue_ns": venue_ns}
        for index, (trade_id, venue_ns) in state.trades.items()
    }
    return {
        **_facts(state),
        "instruments": instruments,
        "orders": orders,
        "gate": gate,
        "trades": trades,
        "residue": state.residue,
        "suspects": state.suspects,
    }


def _order(order: Any) -> dict[str, Any]:
    row: dict[str, Any] = order._asdict()
    for name in ("state", "reason"):
        row[name] = row[name].name
    row["contradictions"] = [each.name for each in order.contradictions]
    return row


def _records(state: JournalState) -> list[Record]:
    from alp._core.journal_records import FILE_HEAD_BYTES, whole_records
    from alp.journal.layout import decode

    found = []
    for part in state.parts:
        for offset, size in whole_records(part.data[: part.end], FILE_HEAD_BYTES):
            record = decode(part.data, offset, size)
            if record is not None:
                found.append(record)
    return found


def _row(record: Record) -> dict[str, Any]:
    from alp._core.journal_records import FactSource

    members: dict[str, Any] = dict(record.members)
    if "source" in members and members["source"] in set(FactSource):
        members["source"] = FactSource(members["source"]).name
    return {
        "sequence": record.sequence,
        "at_ns": record.at_ns,
        "kind": record.kind.name,
        "members": members,
    }


def _print(state: JournalState) -> None:
    summary = _summary(state)
    click.secho(f"account {state.head.account}, token {state.head.token}", bold=True)
    click.echo(
        f"  {summary['records']:,} records, the last at {iso_time(state.last_ns)};"
        f" {'stopped in order' if state.closed else 'not stopped in order'}"
    )
    if state.gate is not None:
        click.echo(f"  gate: {summary['gate']}")
    for each in summary["instruments"]:
        click.echo(f"  {each['exchange']} {each['symbol']}: position {each['position']:,} lots")
    for each in summary["orders"]:
        side = "buy" if each["side"] > 0 else "sell"
        click.echo(
            f"  {each['client_id']:<18} {each['state']:<16} {side:<4} {each['quantity']:,}"
            f" at {each['price']:,}, filled {each['filled']:,}"
            f" {' '.join(each['contradictions'])}".rstrip()
        )
    for each in state.residue:
        click.echo(f"  left at the stop: {each}")
    for each in state.suspects:
        click.echo(f"  to be asked about: {each}")
    for damage in state.damages:
        click.echo(f"  {damage}")
