"""The first tables: accounts, entries with their postings, marks, the writer and the state."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _exact(digits: int) -> sa.Numeric[Any]:
    return sa.Numeric(digits, 0).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "writer",
        sa.Column("id", sa.SmallInteger, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("quote", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_writer"),
        sa.CheckConstraint("id = 1", name="ck_writer_one"),
    )
    op.create_table(
        "assets",
        sa.Column("name", sa.String(64)),
        sa.Column("decimals", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_assets"),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite")),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("asset", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.ForeignKeyConstraint(["asset"], ["assets.name"], name="fk_accounts_asset"),
        sa.UniqueConstraint("kind", "owner", "asset", name="uq_accounts_kind"),
    )
    op.create_table(
        "entries",
        sa.Column("sequence", sa.BigInteger, autoincrement=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("proof", sa.String(255), nullable=False),
        sa.Column("life", sa.SmallInteger, nullable=False),
        sa.Column("block", sa.String(100)),
        sa.Column("reverses", sa.BigInteger),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_entries"),
        sa.ForeignKeyConstraint(["reverses"], ["entries.sequence"], name="fk_entries_reverses"),
        sa.UniqueConstraint("proof", "life", name="uq_entries_proof"),
    )
    for column, unique in (("reverses", True), ("block", False)):
        told = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_entries_{column}",
            "entries",
            [column],
            unique=unique,
            sqlite_where=told,
            postgresql_where=told,
        )
    op.create_table(
        "postings",
        sa.Column("sequence", sa.BigInteger, autoincrement=False),
        sa.Column("line", sa.SmallInteger, autoincrement=False),
        sa.Column("account", sa.BigInteger, nullable=False),
        sa.Column("amount", _exact(38), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "line", name="pk_postings"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "marks",
        sa.Column("sequence", sa.BigInteger, autoincrement=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("asset", sa.String(64), nullable=False),
        sa.Column("mark_x96", _exact(78), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_marks"),
        sa.ForeignKeyConstraint(["asset"], ["assets.name"], name="fk_marks_asset"),
    )
    op.create_table(
        "orphans",
        sa.Column("block", sa.String(100)),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("block", name="pk_orphans"),
    )
    op.create_table(
        "state",
        sa.Column("id", sa.SmallInteger, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_state"),
        sa.CheckConstraint("id = 1", name="ck_state_one"),
    )


def downgrade() -> None:
    """Take them away, with all that they hold."""
    for name in (
        "state", "orphans", "marks", "postings", "entries", "accounts", "assets", "writer",
    ):  # fmt: skip
        op.drop_table(name)
