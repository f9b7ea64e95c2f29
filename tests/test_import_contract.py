"""Dependencies point one way: the contract in pyproject.toml holds, and the core stands alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "alp" / "_core").rglob("*.py"))


def test_the_import_contract_of_pyproject_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = pytest.importorskip("importlinter.cli", reason="needs import-linter (in the dev extra)")
    monkeypatch.chdir(ROOT)
    status = cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_a_module_of_the_core_imports_nothing_of_alp_but_the_core(path: Path) -> None:
    foreign = {name for name in imported_modules(path) if name.split(".")[0] == "alp"}
    assert {name for name in foreign if not f"{name}.".startswith("alp._core.")} == set()


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if node.module == "alp" else {node.module or ""}
    return found


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["data", "inspect", "binance-ethusdt-5m-2024-01-05.parquet"], ["pyarrow.compute"]),
        (
            ["data", "inspect", "polygon-usdc-weth-5bps-2023-08-14.minute.csv.gz"],
            ["pyarrow", "plotly", "optuna", "web3", "jinja2"],
        ),
    ],
    ids=["candles", "minutes"],
)
def test_a_command_imports_no_library_it_does_not_need(
    arguments: list[str], unneeded: list[str]
) -> None:
    code = (
        "import sys; from alp.cli.app import root\n"
        "try: root.main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"found = [name for name in {unneeded!r} if name in sys.modules]\n"
        "assert not found, found"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT / "examples" / "data",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
