"""Compiles a timing loop of this folder against the engine as it is built."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType

from peers.measure import child

ROOT = Path(__file__).resolve().parent.parent.parent


def build_kernel(name: str, folder: Path) -> ModuleType:
    """Build ``benchmarks/<name>.pyx`` in a folder of its own and import it.

    Raises
    ------
    ChildFailed
        If it cannot be compiled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "benchmarks" / f"{name}.pyx", folder / f"{name}.pyx")
    child(
        [
            sys.executable,
            "-c",
            "import sys; from setuptools import Extension, setup;"
            "from Cython.Build import cythonize;"
            f"setup(name={name!r}, script_args=['-q', 'build_ext', '--inplace'],"
            f"ext_modules=cythonize([Extension({name!r}, [{name + '.pyx'!r}],"
            f"extra_compile_args=['-O3'])], include_path=[{str(ROOT)!r}], quiet=True))",
        ],
        folder=folder,
        environment={"PYTHONPATH": str(ROOT)},
    )
    sys.path.insert(0, str(folder))
    return importlib.import_module(name)
