"""How a command line ends: each exception has its message and exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from alp.cli.app import Root
from alp.errors import (
    AlpError,
    CheckFailed,
    ConfigError,
    Corrupt,
    DataError,
    ExitCode,
    RpcError,
)

ROOT = Path(__file__).resolve().parents[2]


def ending(action: Callable[[], object], *arguments: str) -> click.testing.Result:
    """The end of a command line whose command does ``action``."""
    group = Root("alp", table={}, params=[click.Option(["--debug"], is_flag=True)])
    group.callback = lambda debug: None
    group.add_command(click.Command("act", callback=action))
    return CliRunner().invoke(group, [*arguments, "act"])


def raising(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ConfigError("f.yaml:3: a: is wrong"), 3, "alp: f.yaml:3: a: is wrong\n"),
        (ConfigError("wrong", hint="try this"), 3, "alp: wrong\nhint: try this\n"),
        (DataError("odd", path="d.csv", row=7), 4, "alp: d.csv:7: odd\n"),
        (RpcError("no answer"), 5, "alp: no answer\n"),
        (CheckFailed("differs"), 1, "alp: differs\n"),
        (Corrupt("two truths"), 6, "alp: two truths\n"),
        (AlpError("other"), 6, "alp: other\n"),
        (PermissionError(13, "Permission denied", "/x"), 74, "alp: /x: Permission denied\n"),
        (OSError("strange"), 74, "alp: strange\n"),
        (KeyboardInterrupt(), 130, "alp: interrupted\n"),
        (click.Abort(), 130, "alp: interrupted\n"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_an_exception_becomes_a_message_and_a_status(
    error: BaseException, status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alp.cli.outcome.silence_broken_pipe", lambda: int(ExitCode.BROKEN_PIPE))
    result = ending(raising(error))
    assert (result.exit_code, result.stderr) == (status, message)
    assert ExitCode(status)


def test_doing_it_is_status_zero() -> None:
    assert ending(lambda: None).exit_code == ExitCode.OK


def test_a_command_may_choose_its_status() -> None:
    result = ending(lambda: click.get_current_context().exit(ExitCode.CHECK_FAILED))
    assert result.exit_code == ExitCode.CHECK_FAILED


def test_a_usage_error_shows_the_usage() -> None:
    result = ending(raising(click.UsageError("no such thing")))
    assert result.exit_code == ExitCode.USAGE
    assert "Error: no such thing" in result.stderr


def test_an_unforeseen_exception_is_one_line_and_the_way_to_see_more() -> None:
    result = ending(raising(ZeroDivisionError("by zero")))
    assert result.exit_code == ExitCode.UNEXPECTED
    assert result.stderr == (
        "alp: unexpected ZeroDivisionError: by zero\n"
        "hint: set ALP_DEBUG=1 and run it again to see the traceback\n"
    )


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), ConfigError("x"), OSError("x")])
def test_debug_shows_the_traceback(error: Exception) -> None:
    assert "Traceback" in ending(raising(error), "--debug").stderr
    assert "Traceback" not in ending(raising(error)).stderr


def test_debug_can_be_asked_for_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALP_DEBUG", "1")
    assert "Traceback" in ending(raising(ZeroDivisionError())).stderr
    monkeypatch.setenv("ALP_DEBUG", "0")
    assert "Traceback" not in ending(raising(ZeroDivisionError())).stderr


SLEEPER = """
import sys, time, click
from alp.cli.app import root

@click.command()
def sleep():
    print("ready", flush=True)
    time.sleep(60)

root.add_command(sleep)
root.main(["sleep"])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_in_one_line(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert errors == "alp: interrupted\n"


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "--crd"], ["--help"], ["version"]])
def test_a_reader_that_went_away_is_no_error_message(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "alp", *arguments],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (ExitCode.BROKEN_PIPE, "")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["validate", "examples/eth-usdc.yaml"], ExitCode.OK),
        (["validate", "pyproject.toml"], ExitCode.CONFIG),
        (["explain", "no-such-file.yaml"], ExitCode.CONFIG),
        (["explain"], ExitCode.USAGE),
        (["no-such-command"], ExitCode.USAGE),
    ],
)
def test_the_process_ends_with_the_status(arguments: list[str], status: ExitCode) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "alp", *arguments],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == status
    assert b"Traceback" not in process.stderr
