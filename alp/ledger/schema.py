"""The ledger's tables. Amounts are exact: NUMERIC where there is one, else text.

What the newest of ``alp/ledger/migrations`` leads to; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from alp.errors import Corrupt


class Exact(TypeDecorator[int]):
    """An integer of up to `digits` digits, which SQLite would round: there it is text."""

    impl = Text
    cache_ok = True

    def __init__(self, digits: int) -> None:
        super().__init__()
        self.digits = digits

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(self.digits, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Give the driver what it stores exactly."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return an int.

        Raises
        ------
        Corrupt
            If there is something else.
        """
        try:
            return None if value is None else int(value)
        except ValueError:
            raise Corrupt(f"{value!r} is stored where an integer should be") from None


NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}
METADATA = MetaData(naming_convention=NAMES)

WRITER = Table(
    "writer",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String(200), nullable=False),
    Column("quote", String(64), nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""One row: whose ledger it is now. Each transaction of a writer begins by holding it."""

ASSETS = Table(
    "assets",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("decimals", SmallInteger, nullable=False),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("asset", String(64), ForeignKey("assets.name"), nullable=False),
    UniqueConstraint("kind", "owner", "asset"),
)

ENTRIES = Table(
    "entries",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("proof", String(255), nullable=False),
    Column("life", SmallInteger, nullable=False),
    Column("block", String(100)),
    Column("reverses", BigInteger, ForeignKey("entries.sequence")),
    Column("content", Text, nullable=False),
    UniqueConstraint("proof", "life"),
)
"""`life` counts how often a proof was booked: again only after a reversal."""


def _index_where_told(name: str, column: Column[Any], *, unique: bool) -> Index:
    """Return an index without the rows that have nothing in the column, which are most."""
    told = column.is_not(None)
    return Index(name, column, unique=unique, sqlite_where=told, postgresql_where=told)


_index_where_told("ix_entries_reverses", ENTRIES.c.reverses, unique=True)
_index_where_told("ix_entries_block", ENTRIES.c.block, unique=False)

POSTINGS = Table(
    "postings",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("line", SmallInteger, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("amount", Exact(38), nullable=False),
    sqlite_with_rowid=False,
)
"""Without foreign keys: checking them row by row halves what PostgreSQL takes in a second, and what
they would find, ``alp ledger verify`` does."""

MARKS = Table(
    "marks",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("asset", String(64), ForeignKey("assets.name"), nullable=False),
    Column("mark_x96", Exact(78), nullable=False),
)

ORPHANS = Table(
    "orphans",
    METADATA,
    Column("block", String(100), primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
)
"""Blocks that are not canonical: what is told of them is not booked."""

STATE = Table(
    "state",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""One row: what all entries and marks up to the sequence led to."""
