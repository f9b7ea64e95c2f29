"""``__all__`` says what exists and leaves out nothing that the package binds (ruff sorts it)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import alp

PACKAGES = [
    "alp",
    *(f"alp.{info.name}" for info in pkgutil.iter_modules(alp.__path__) if info.ispkg),
]


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "alp._core"])
def test_the_list_of_public_names_is_complete_and_true(name: str) -> None:
    package = importlib.import_module(name)
    listed = getattr(package, "__all__", None)
    if listed is None:
        pytest.skip(f"{name} keeps its names in its modules")
    for each in listed:
        assert hasattr(package, each), f"{name}.{each} is listed and does not exist"
    bound = {
        each
        for each, value in vars(package).items()
        if not each.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
        if value.__module__.partition(".")[0] == "alp"
    }
    assert bound <= set(listed), f"{name} binds names that it does not list"
