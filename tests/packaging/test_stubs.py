"""Each compiled module has a stub, and the two name the same things."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

import alp

PACKAGE = Path(alp.__file__).parent
STUBS = sorted((PACKAGE / "_core").rglob("*.pyi"))
PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted((PROJECT / "alp" / "_core").rglob("*.pyx"))


def module_of(path: Path) -> ModuleType:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return importlib.import_module(".".join(["alp", *parts]))


def public(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def stub_names(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """What a stub's module or class body defines; imports are not definitions."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.Assign):
            found.update({t.id: node for t in node.targets if isinstance(t, ast.Name)})
    return {name: node for name, node in found.items() if not name.startswith("_")}


def defined_here(module: ModuleType) -> set[str]:
    """The module's public names, without what it merely imported."""
    return {
        name
        for name in public(dir(module))
        if not inspect.ismodule(value := getattr(module, name))
        and getattr(value, "__module__", module.__name__) in (module.__name__, None)
    }


def parameters(node: ast.FunctionDef) -> list[str]:
    a = node.args
    names = [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs]
    return [argument.arg for argument in names if argument.arg not in ("self", "cls")]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_compiled_module_has_its_stub_and_its_declarations(source: Path) -> None:
    assert source.with_suffix(".pyi").is_file()
    assert source.with_suffix(".pxd").is_file()


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_stub_and_module_define_the_same_names(stub: Path) -> None:
    names = stub_names(ast.parse(stub.read_text(encoding="utf-8")).body)
    assert set(names) == defined_here(module_of(stub))


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: path.stem)
def test_stub_and_module_define_the_same_members_and_parameters(stub: Path) -> None:
    module = module_of(stub)
    for name, node in stub_names(ast.parse(stub.read_text(encoding="utf-8")).body).items():
        actual = getattr(module, name)
        if isinstance(node, ast.ClassDef):
            members = stub_names(node.body)
            assert set(members) == public(vars(actual)), name
            for member, definition in members.items():
                compare_parameters(definition, getattr(actual, member))
        else:
            compare_parameters(node, actual)


def compare_parameters(node: ast.stmt, actual: object) -> None:
    if isinstance(node, ast.FunctionDef) and callable(actual):
        names = [
            name for name in inspect.signature(actual).parameters if name not in ("self", "cls")
        ]
        assert names == parameters(node), node.name


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
