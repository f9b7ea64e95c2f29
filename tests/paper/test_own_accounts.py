"""Accounts made for somebody: their keys sign, their watchdogs have others, spot begins small."""

from __future__ import annotations

from pathlib import Path

import pytest

from alp.errors import ConfigError
from alp.paper.accounts import COIN, KEY
from alp.paper.server import Wanted, exchange_of
from alp.paper.venues import VENUES
from alp.venues.credentials import read_credentials
from alp.venues.registry import check_credentials


@pytest.mark.parametrize("exchange", VENUES)
def test_each_account_has_a_key_and_one_for_its_watchdog_that_the_venue_takes(
    exchange: str, tmp_path: Path
) -> None:
    wanted = Wanted(exchange, keys=tmp_path, accounts=("one", "two", "three"), base=7 * COIN)
    side = exchange_of(wanted).protocol.private
    assert side is not None
    accounts = side.desk.accounts
    assert list(accounts.by_name) == ["one", "two", "three"]
    assert [accounts.number(each) for each in accounts.by_name] == [0, 1, 2]
    assert accounts.find(KEY) is None
    names = set()
    for name in accounts.by_name:
        for folder in (name, f"{name}-2"):
            credentials = read_credentials(name, tmp_path / folder)
            check_credentials(exchange, credentials)
            found = accounts.find(credentials.key)
            assert found is not None
            assert found[0].name == name
            assert found[1].permissions == {"read", "trade"}
            names.add(credentials.key)
    assert len(names) == 6
    base = next(iter(side.desk.rules.values())).base
    held = accounts.by_name["one"].balances
    assert held.get(base) == (None if side.desk.futures else 7 * COIN)
    assert max(held.values()) == 1_000_000 * COIN


def test_accounts_that_begin_again_keep_their_keys(tmp_path: Path) -> None:
    wanted = Wanted("binance-usdm", keys=tmp_path, accounts=("one",))
    exchange_of(wanted)
    before = read_credentials("one", tmp_path / "one")
    side = exchange_of(wanted).protocol.private
    assert side is not None
    assert side.desk.accounts.find(before.key) is not None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError):
        exchange_of(Wanted("binance-usdm", keys=tmp_path / "file", accounts=("one",)))
