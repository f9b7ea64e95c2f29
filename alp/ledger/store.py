"""Rows of a ledger: read in streams, written in batches by the one writer that holds the epoch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    any_,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from alp.errors import ConfigError, Corrupt, DataError
from alp.ledger.accounts import Account, Kind, Posting
from alp.ledger.assets import Asset, Assets
from alp.ledger.books import Books
from alp.ledger.schema import (
    ACCOUNTS,
    ASSETS,
    ENTRIES,
    MARKS,
    ORPHANS,
    POSTINGS,
    STATE,
    WRITER,
)

REVERSAL = "reversal"
"""The kind of an entry that undoes another."""

_STREAMED_ROWS = 5_000
_LONGEST_OWNER = 200


class FencedError(ConfigError):
    """Another writer has taken the ledger over; this one books nothing any more."""


class Booked(NamedTuple):
    """An entry that is there, for comparing and for verifying."""

    sequence: int
    at_ns: int
    kind: str
    proof: str
    life: int
    block: str | None
    reverses: int | None
    content: str
    reversed_by: int | None = None


def become_writer(connection: Connection, assets: Assets, holder: str) -> int:
    """Take the ledger over: whoever wrote before is refused from now on; return our epoch.

    Raises
    ------
    ConfigError
        If the ledger's assets have other units, or values another quote asset.
    """
    quote = connection.scalar(select(WRITER.c.quote))
    if quote is None:
        # Another may be first at this; then its row is there when this has waited for it.
        row = {"id": 1, "epoch": 0, "holder": "", "quote": assets.quote.name}
        connection.execute(_dialect(connection).insert(WRITER).on_conflict_do_nothing(), row)
        quote = connection.scalar(select(WRITER.c.quote))
    if quote != assets.quote.name:
        raise ConfigError(
            f"the ledger's values are in {quote}, not in {assets.quote.name}",
            hint="another quote asset needs another ledger",
        )
    epoch = connection.execute(
        update(WRITER)
        .values(epoch=WRITER.c.epoch + 1, holder=holder[:200])
        .returning(WRITER.c.epoch)
    ).scalar_one()
    Assets(assets.quote, (*read_assets(connection), *assets.values()))
    known = {each.name for each in read_assets(connection)}
    added = [{"name": each.name, "decimals": each.decimals} for each in assets.values()]
    added = [each for each in added if each["name"] not in known]
    if added:
        connection.execute(insert(ASSETS), added)
    return int(epoch)


def hold(connection: Connection, epoch: int) -> None:
    """Begin a writer's transaction: others wait until it ends, and an older one is refused.

    Raises
    ------
    FencedError
        If the ledger was taken over.
    """
    held = connection.execute(
        update(WRITER).where(WRITER.c.epoch == epoch).values(epoch=WRITER.c.epoch)
    )
    if held.rowcount != 1:
        row = connection.execute(select(WRITER.c.epoch, WRITER.c.holder)).one()
        raise FencedError(
            f"the ledger was taken over: epoch {row.epoch} by {row.holder or 'another writer'},"
            f" ours was {epoch}",
            hint="one ledger has one writer: stop this one",
        )


def read_assets(connection: Connection) -> list[Asset]:
    """Return the asset table."""
    rows = connection.execute(select(ASSETS).order_by(ASSETS.c.name))
    return [Asset(row.name, row.decimals) for row in rows]


def read_quote(connection: Connection) -> str:
    """Return the asset of the ledger's values.

    Raises
    ------
    ConfigError
        If nobody has ever opened the ledger for writing.
    """
    quote = connection.scalar(select(WRITER.c.quote))
    if quote is None:
        raise ConfigError("the ledger is empty", hint="its writer has not opened it yet")
    return str(quote)


def read_books(connection: Connection) -> Books:
    """Return the state that the newest transaction left.

    Raises
    ------
    ConfigError
        If nobody has ever opened the ledger for writing.
    Corrupt
        If it cannot be read.
    """
    quote = read_quote(connection)
    body = connection.scalar(select(STATE.c.body))
    if body is None:
        return Books(quote)
    try:
        return Books.of_state(json.loads(body))
    except (KeyError, TypeError, ValueError) as error:
        raise Corrupt(f"the ledger's state cannot be read: {type(error).__name__}") from None


def write_state(connection: Connection, books: Books) -> None:
    """Keep the state with the entries that led to it."""
    body = json.dumps(books.state(), separators=(",", ":"), ensure_ascii=False)
    row = {"sequence": books.sequence, "body": body}
    if connection.execute(update(STATE).values(row)).rowcount == 0:
        connection.execute(insert(STATE), {"id": 1, **row})


def read_orphans(connection: Connection) -> set[str]:
    """Return the blocks that are not canonical."""
    return set(connection.scalars(select(ORPHANS.c.block)))


def add_orphans(connection: Connection, blocks: Iterable[str], at_ns: int) -> None:
    """Remember blocks as not canonical."""
    rows = [{"block": block, "at_ns": at_ns} for block in blocks]
    if rows:
        connection.execute(_dialect(connection).insert(ORPHANS).on_conflict_do_nothing(), rows)


def remove_orphans(connection: Connection, blocks: Sequence[str]) -> None:
    """Take blocks for canonical again."""
    connection.execute(ORPHANS.delete().where(_among(connection, ORPHANS.c.block, blocks)))


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def _entries() -> Select[Any]:
    reverser = ENTRIES.alias("reverser")
    joined = ENTRIES.outerjoin(reverser, reverser.c.reverses == ENTRIES.c.sequence)
    return select(ENTRIES, reverser.c.sequence.label("reversed_by")).select_from(joined)


def _among(
    connection: Connection, column: Column[Any], values: Sequence[str]
) -> ColumnElement[bool]:
    """Return a condition with all values in one parameter: one statement for any number of them."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), postgresql.ARRAY(String)))
    table = func.json_each(json.dumps(values)).table_valued("value")
    return column.in_(select(table.c.value))


def booked_by_proof(connection: Connection, proofs: Sequence[str]) -> dict[str, Booked]:
    """Return the newest entry of each proof that was ever booked."""
    asked = _entries().where(_among(connection, ENTRIES.c.proof, proofs))
    found = {}
    for row in connection.execute(asked.order_by(ENTRIES.c.life)):
        found[row.proof] = _booked(row)
    return found


def live_entries_of_blocks(connection: Connection, blocks: Sequence[str]) -> list[Booked]:
    """Return entries with a proof in these blocks that were not reversed, the newest first."""
    asked = _entries().where(_among(connection, ENTRIES.c.block, blocks))
    found = [_booked(row) for row in connection.execute(asked.order_by(ENTRIES.c.sequence.desc()))]
    return [each for each in found if each.reversed_by is None]


def postings_of_entry(connection: Connection, sequence: int) -> list[Posting]:
    """Return an entry's postings in their order."""
    question = _postings().where(POSTINGS.c.sequence == sequence)
    return [_posting(row)[1] for row in connection.execute(question)]


def stream_entries(connection: Connection, newest: int | None = None) -> Iterator[Booked]:
    """Yield all entries by their sequence, or the newest so many, the last first."""
    question = _entries().order_by(ENTRIES.c.sequence)
    if newest is not None:
        question = _entries().order_by(ENTRIES.c.sequence.desc()).limit(newest)
    for row in _stream(connection, question):
        yield _booked(row)


def stream_postings(connection: Connection) -> Iterator[tuple[int, Posting]]:
    """Yield all postings with the sequences of their entries."""
    for row in _stream(connection, _postings()):
        yield _posting(row)


def stream_marks(connection: Connection) -> Iterator[tuple[int, int, str, int]]:
    """Yield sequence, time, asset and mark of all marks."""
    for row in _stream(connection, select(MARKS).order_by(MARKS.c.sequence)):
        yield row.sequence, row.at_ns, row.asset, row.mark_x96


def _postings() -> Select[Any]:
    columns = (POSTINGS.c.sequence, ACCOUNTS.c.kind, ACCOUNTS.c.owner, ACCOUNTS.c.asset)
    return (
        select(*columns, POSTINGS.c.amount)
        .select_from(POSTINGS.join(ACCOUNTS, POSTINGS.c.account == ACCOUNTS.c.id))
        .order_by(POSTINGS.c.sequence, POSTINGS.c.line)
    )


def _posting(row: Any) -> tuple[int, Posting]:
    sequence, kind, owner, asset, amount = row
    try:
        return sequence, Posting(Account(Kind(kind), owner, asset), amount)
    except ValueError as error:
        raise Corrupt(f"a posting of entry {sequence} cannot be read: {error}") from None


def _booked(row: Any) -> Booked:
    return Booked(*row)


def _stream(connection: Connection, question: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(question, execution_options={"yield_per": _STREAMED_ROWS})


class Draft:
    """Rows of one transaction, gathered and written together.

    Parameters
    ----------
    accounts
        The ids of accounts that are there; new ones are added to it.
    """

    def __init__(self, accounts: dict[Account, int]) -> None:
        self.accounts = accounts
        self._rows: dict[Table, list[tuple[Any, ...]]] = {
            table: [] for table in (ACCOUNTS, ENTRIES, POSTINGS, MARKS)
        }

    def entry(self, entry: Booked, postings: Sequence[Posting]) -> None:
        """Add an entry with its postings."""
        sequence = entry[0]
        self._rows[ENTRIES].append(entry[:8])
        rows, accounts = self._rows[POSTINGS], self.accounts
        for line, (account, amount) in enumerate(postings):
            number = accounts.get(account)
            if number is None:
                number = self._new_account(account)
            rows.append((sequence, line, number, str(amount)))

    def mark(self, sequence: int, at_ns: int, asset: str, mark_x96: int) -> None:
        """Add a mark."""
        self._rows[MARKS].append((sequence, at_ns, asset, str(mark_x96)))

    def flush(self, connection: Connection) -> None:
        """Write what was gathered."""
        for table, rows in self._rows.items():
            if rows:
                _insert(connection, table, rows)
                rows.clear()

    def _new_account(self, account: Account) -> int:
        if not 0 < len(account.owner) <= _LONGEST_OWNER or not account.owner.isprintable():
            raise DataError(f"{account.owner!r} cannot own an account")
        number = self.accounts[account] = len(self.accounts) + 1
        self._rows[ACCOUNTS].append((number, *account))
        return number


def _insert(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows by the driver's fastest way."""
    names = [column.name for column in table.columns]
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
    connection.exec_driver_sql(statement, list(rows))


def read_accounts(connection: Connection) -> dict[Account, int]:
    """Return the ids of all accounts.

    Raises
    ------
    Corrupt
        If they are not numbered from one.
    """
    found = {
        Account(Kind(row.kind), row.owner, row.asset): row.id
        for row in connection.execute(select(ACCOUNTS))
    }
    if connection.scalar(select(func.max(ACCOUNTS.c.id))) not in (None, len(found)):
        raise Corrupt("the ledger's accounts are not numbered without gaps")
    return found
