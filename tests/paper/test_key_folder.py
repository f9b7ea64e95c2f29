"""Keys of simulated accounts are files that a strategy reads."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from alp.errors import ConfigError
from alp.paper.accounts import Accounts, default_accounts, ed25519_credentials, hmac_credentials
from alp.paper.key_folder import share_keys
from alp.venues.credentials import Secret, read_credentials


def accounts() -> Accounts:
    return default_accounts([*hmac_credentials(), ed25519_credentials()], ["USDC"])


def test_keys_are_written_as_credentials_are_read(tmp_path: Path) -> None:
    folders = share_keys(accounts(), tmp_path / "keys")
    assert [each.name for each in folders] == ["first", "first-2", "first-3", "second"]
    names = [read_credentials("venue", each).key for each in folders]
    assert names == ["probe-key", "withdraw-key", "probe-ed25519", "other-key"]
    assert read_credentials("venue", folders[0]).secret == Secret("probe-secret")
    assert read_credentials("venue", folders[2]).private_key is not None
    assert stat.S_IMODE((folders[0] / "secret").stat().st_mode) == 0o600


def test_keys_that_are_there_are_taken(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "key").write_text("mine\n")
    (tmp_path / "first" / "secret").write_text("hidden\n")
    mine = accounts()
    share_keys(mine, tmp_path)
    found = mine.find("mine")
    assert found is not None
    assert found[1].credentials.secret == Secret("hidden")
    assert mine.find("probe-key") is None
    assert mine.find("other-key") is not None


def test_what_cannot_be_written_is_a_fault_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        share_keys(accounts(), tmp_path / "file")
