"""The kill switch is a file: whoever makes it, and whatever happens to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alp.errors import ConfigError
from alp.services.execution.kill_switch import MOST_BYTES, KillSwitch, state_folder


def test_it_is_set_once_and_stays_until_it_is_released(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    assert not switch.is_set
    switch.set("a fat finger")
    switch.set("another reason")
    assert switch.is_set
    assert KillSwitch(tmp_path).is_set
    assert switch.reason.endswith("Z a fat finger")
    assert switch.release()
    assert not switch.is_set
    assert not switch.release()


def test_any_file_of_the_name_sets_it(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    switch.path.symlink_to(tmp_path / "nowhere")
    assert switch.is_set
    assert switch.reason == ""
    switch.set("it is a link to nowhere, and not followed")
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_looked_at_counts_as_set(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path / "gone")
    assert switch.is_set
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert KillSwitch(blocked).is_set
    with pytest.raises(ConfigError, match="cannot be made"):
        switch.set("no folder")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no disk that is always full")
def test_a_full_disk_sets_it_without_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fdopen = os.fdopen

    def full(descriptor: int, mode: str) -> object:
        os.close(descriptor)
        return fdopen(os.open("/dev/full", os.O_WRONLY), mode)

    monkeypatch.setattr(os, "fdopen", full)
    switch = KillSwitch(tmp_path)
    switch.set("no room for words")
    assert switch.is_set
    assert switch.reason == ""


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    switch.set("x" * 2 * MOST_BYTES)
    assert len(switch.reason) == MOST_BYTES


def test_the_folder_is_made_for_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = state_folder("eth-usdc")
    assert folder == tmp_path / "alp" / "eth-usdc"
    assert folder.stat().st_mode & 0o077 == 0
    assert state_folder("eth-usdc", tmp_path / "own") == tmp_path / "own"


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="no place for the state"):
        state_folder("x", tmp_path / "file" / "below")


def test_a_file_that_may_not_be_removed_is_told(tmp_path: Path) -> None:
    if os.getuid() == 0:
        (tmp_path / "KILLED").mkdir()  # root may remove any file
    else:
        (tmp_path / "KILLED").write_text("")
        tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="cannot be removed"):
            KillSwitch(tmp_path).release()
    finally:
        tmp_path.chmod(0o700)
