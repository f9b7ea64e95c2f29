"""The frame around all commands: help, start-up, options, groups, completion, logs."""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from alp.cli.app import root
from alp.cli.commands import COMMANDS, EXIT_CODES, OPTIONS, SECTIONS, help_text
from alp.cli.lazy import Command, LazyGroup
from alp.cli.logs import configure_logs
from alp.cli.options import json_option, print_json, progress_option
from alp.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "click",
    "numpy",
    "pydantic",
    "pyarrow",
    "yaml",
    "web3",
    "plotly",
    "optuna",
    "rich",
}


def alp(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alp", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def invoke(*arguments: str, **environment: str) -> click.testing.Result:
    return CliRunner().invoke(root, list(arguments), env=environment)


class TestHelp:
    def test_it_is_the_same_text_with_and_without_click(self) -> None:
        assert alp("--help").stdout == alp("-h").stdout == help_text()
        assert invoke("--help").stdout.rstrip() == help_text().rstrip()

    def test_it_fits_a_terminal(self) -> None:
        assert max(map(len, help_text().splitlines())) <= 80

    def test_every_command_is_in_one_section(self) -> None:
        listed = [name for names in SECTIONS.values() for name in names]
        assert sorted(listed) == sorted(COMMANDS)

    def test_it_lists_every_exit_code(self) -> None:
        assert set(EXIT_CODES) == {code.value for code in ExitCode}

    def test_it_lists_every_option_of_the_root(self) -> None:
        listed = " ".join(OPTIONS)
        for parameter in [*root.params, *(p for p in root.get_params(click.Context(root)))]:
            for name in parameter.opts:
                assert name in listed

    def test_without_a_command_it_is_shown_and_the_command_line_was_wrong(self) -> None:
        result = alp()
        assert result.returncode == ExitCode.USAGE
        assert "Usage: alp [OPTIONS] COMMAND" in result.stderr
        assert result.stdout == ""


class TestStart:
    @pytest.mark.parametrize("argument", ["--help", "--version"])
    def test_help_and_version_import_nothing_heavy(self, argument: str) -> None:
        code = (
            "import sys, atexit\n"
            f"sys.argv = ['alp', '{argument}']\n"
            "atexit.register(lambda: print('\\0', *sys.modules, file=sys.stderr))\n"
            "from alp.cli import main\nmain()\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        loaded = set(run.stderr.split("\0")[1].split())
        assert "alp.cli" in loaded
        assert loaded & HEAVY == set()

    def test_help_takes_at_most_four_times_a_bare_interpreter(self) -> None:
        bare = min(cpu_seconds("-c", "pass") for _ in range(7))
        ours = min(cpu_seconds("-m", "alp", "--help") for _ in range(7))
        assert ours <= 4 * bare, f"{ours * 1e3:.0f} ms against {bare * 1e3:.0f} ms"

    def test_a_commands_help_imports_no_number_cruncher(self) -> None:
        code = (
            "import sys\nfrom alp.cli.app import root\n"
            "for name in ('validate', 'explain', 'schema', 'convert-config', 'version'):\n"
            "    root.get_command(None, name)\n"
            "print(*sys.modules)"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert set(run.stdout.split()) & (HEAVY - {"click"}) == set()


def cpu_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class TestCommands:
    @pytest.mark.parametrize("name", ["validate", "explain", "schema", "convert-config"])
    def test_help_has_a_summary_an_explanation_and_examples(self, name: str) -> None:
        shown = invoke(name, "--help").stdout
        summary, explanation = shown.split("\n\n")[1:3]
        assert summary.strip().endswith(".")
        assert len(explanation.split()) > 15
        assert f"Examples:\n  alp {name}" in shown

    def test_a_misspelt_command_is_answered_with_the_near_ones(self) -> None:
        result = invoke("validte")
        assert result.exit_code == ExitCode.USAGE
        assert "No such command 'validte'. Did you mean validate" in result.stderr

    def test_a_strange_command_is_answered_with_all(self) -> None:
        assert "There are: validate, explain," in invoke("xyzzy").stderr

    def test_an_unknown_option_is_a_usage_error(self) -> None:
        assert invoke("--frobnicate").exit_code == ExitCode.USAGE
        assert invoke("version", "--frobnicate").exit_code == ExitCode.USAGE

    def test_a_group_imports_a_command_only_when_it_is_called(self) -> None:
        table = {
            "one": ("no.such.module:x", "The first."),
            "ok": ("alp.cli.version:version", "Ok."),
        }
        group = LazyGroup("g", table=table, examples={"g ok": "what it does"})
        shown = CliRunner().invoke(group, ["--help"]).stdout
        assert "one  The first." in shown
        assert shown.rstrip().endswith("Examples:\n  g ok\n      what it does")
        assert CliRunner().invoke(group, ["ok"]).exit_code == 0
        assert isinstance(CliRunner().invoke(group, ["one"]).exception, ModuleNotFoundError)

    def test_a_group_may_have_commands_of_its_own(self) -> None:
        group = LazyGroup("g", table={})
        group.add_command(Command("own", callback=lambda: click.echo("here")))
        assert CliRunner().invoke(group, ["own"]).stdout == "here\n"


class TestVersion:
    def test_the_option_prints_only_the_version(self) -> None:
        from alp._version import __version__

        assert alp("--version").stdout == f"alp {__version__}\n" == invoke("-V").stdout

    def test_the_command_prints_what_a_bug_report_needs(self) -> None:
        facts = json.loads(invoke("version", "--json").stdout)
        assert {"alp", "python", "platform", "pydantic", "numpy"} <= set(facts)
        assert f"python    {facts['python']}\n" in invoke("version").stdout


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_script_begins_with_how_to_install_it(self, shell: str) -> None:
        result = alp("completion", shell)
        assert result.returncode == 0
        assert result.stdout.startswith("# ")
        assert f"alp completion {shell}" in result.stdout.splitlines()[0]
        assert "_ALP_COMPLETE" in result.stdout

    def test_the_bash_script_is_bash(self) -> None:
        script = alp("completion", "bash").stdout
        checked = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
        assert checked.returncode == 0

    def test_names_are_completed_without_importing_commands(self) -> None:
        result = alp(_ALP_COMPLETE="bash_complete", COMP_WORDS="alp va", COMP_CWORD="1")
        assert result.stdout.split() == ["plain,validate", "plain,validate-models"]

    def test_options_are_completed(self) -> None:
        words = {"_ALP_COMPLETE": "bash_complete", "COMP_WORDS": "alp schema --", "COMP_CWORD": "2"}
        assert "plain,--crd" in alp(**words).stdout

    def test_an_unknown_shell_is_a_usage_error(self) -> None:
        assert invoke("completion", "cmd").exit_code == ExitCode.USAGE


Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def unconfigured_logs() -> Iterator[None]:
    """Undo what a test did to the loggers."""
    logger = logging.getLogger("alp")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


class TestLogs:
    def test_text_is_a_line_in_utc_with_what_extra_carried(self, capsys: Capture) -> None:
        configure_logs("info", "text")
        logging.getLogger("alp.x").info("done %d", 3, extra={"rows": 7})
        assert capsys.readouterr().err.endswith("Z INFO alp.x: done 3 [rows=7]\n")

    def test_json_is_an_object_a_line(self, capsys: Capture) -> None:
        configure_logs("info", "json")
        logging.getLogger("alp.x").warning("two\nlines", extra={"rows": 7})
        (line,) = capsys.readouterr().err.splitlines()
        found = json.loads(line)
        assert found["time"].endswith("Z")
        assert {key: found[key] for key in ("level", "logger", "message", "rows")} == {
            "level": "warning",
            "logger": "alp.x",
            "message": "two\nlines",
            "rows": 7,
        }

    @pytest.mark.parametrize("style", ["text", "json"])
    def test_a_traceback_is_kept(self, capsys: Capture, style: str) -> None:
        configure_logs("info", style)
        try:
            raise ValueError("inner")
        except ValueError:
            logging.getLogger("alp.x").exception("failed")
        assert "ValueError: inner" in capsys.readouterr().err

    def test_less_severe_messages_are_dropped(self, capsys: Capture) -> None:
        configure_logs("error", "text")
        logging.getLogger("alp.x").warning("no")
        assert capsys.readouterr().err == ""

    def test_configuring_twice_prints_once(self, capsys: Capture) -> None:
        configure_logs("info", "text")
        configure_logs("info", "text")
        logging.getLogger("alp.x").info("once")
        assert capsys.readouterr().err.count("once") == 1

    def test_level_and_format_come_from_options_or_environment(self) -> None:
        assert invoke("--log-level", "loud", "version").exit_code == ExitCode.USAGE
        assert invoke("version", ALP_LOG_LEVEL="loud").exit_code == ExitCode.USAGE
        assert invoke("--log-format", "json", "--log-level", "debug", "version").exit_code == 0


class TestSharedOptions:
    def test_json_prints_decimals_as_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        from decimal import Decimal

        print_json({"a": Decimal("1.50"), "b": "γ"})
        assert capsys.readouterr().out == '{\n  "a": "1.50",\n  "b": "γ"\n}\n'

    def test_json_and_progress_are_parameters(self) -> None:
        seen = []

        @click.command()
        @json_option
        @progress_option
        def command(as_json: bool, progress: bool) -> None:
            seen.append((as_json, progress))

        for arguments in ([], ["--json", "--progress"], ["--no-progress"]):
            assert CliRunner().invoke(command, arguments).exit_code == 0
        assert seen == [(False, False), (True, True), (False, False)]
