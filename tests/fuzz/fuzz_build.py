"""Builds the fuzz target: the feeds' modules under clang's sanitizers, a driver with Python in it.

The modules are the ones of ``alp/_core`` that the feeds import, compiled from the same Cython
sources with the same directives, without ``-fwrapv``: signed overflow is a fault here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FUZZ = ROOT / "tests" / "fuzz"
SANITIZE = "address,undefined"
COMPILE = ["-O1", "-g1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
DIRECTIVES = "boundscheck=False,wraparound=False,cdivision=True,initializedcheck=False"
CIMPORT = re.compile(r"^from (alp\._core[\w.]*) cimport", re.MULTILINE)
PACKAGE_FILES = ("_core/__init__.py", "_core/errors.py", "_core/feeds/__init__.py")


class CannotBuild(RuntimeError):
    """Something that the build needs is missing, or a command failed."""


def clang() -> str:
    """Return the C++ compiler that links fuzz targets.

    Raises
    ------
    CannotBuild
        If there is none.
    """
    found = shutil.which("clang++")
    if found is None:
        raise CannotBuild("no clang++ here: bash .ci/setup-fuzz installs it")
    return found


def modules() -> list[str]:
    """Names of the compiled modules that the feeds need, themselves included."""
    found: set[str] = set()
    wanted = ["alp._core.feed", "alp._core.uint256"]
    while wanted:
        name = wanted.pop()
        base = ROOT / name.replace(".", "/")
        if name in found or not base.with_suffix(".pyx").is_file():
            texts = [base.with_suffix(".pxd")]  # inline functions only
        else:
            found.add(name)
            texts = [base.with_suffix(".pyx"), base.with_suffix(".pxd")]
        for path in texts:
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                wanted += [each for each in CIMPORT.findall(text) if each not in found]
    return sorted(found)


def run(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"[-4000:])


def python_library() -> list[str]:
    """Flags that link a program to this Python."""
    variables = {
        name: str(sysconfig.get_config_var(name) or "")
        for name in ("LIBDIR", "LIBPL", "LIBS", "SYSLIBS", "LDVERSION", "LIBRARY")
    }
    system = [*variables["LIBS"].split(), *variables["SYSLIBS"].split(), "-lm", "-rdynamic"]
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        folder = variables["LIBDIR"]
        name = f"-lpython{variables['LDVERSION']}"
        return [f"-L{folder}", f"-Wl,-rpath,{folder}", name, *system]
    return [f"{variables['LIBPL']}/{variables['LIBRARY']}", *system]


def build_module(name: str, source: Path, folder: Path) -> None:
    """Compile one Cython module into the tree from which the driver imports."""
    target = folder / "tree" / Path(*name.split("."))
    code = folder / "c" / f"{name}.c"
    target.parent.mkdir(parents=True, exist_ok=True)
    code.parent.mkdir(parents=True, exist_ok=True)
    cython = [sys.executable, "-m", "cython", "-3", "-X", DIRECTIVES, "--module-name", name]
    run([*cython, "-I", ROOT, "-o", code, source])
    flags = [f"-fsanitize=fuzzer-no-link,{SANITIZE}", f"-I{sysconfig.get_path('include')}"]
    compiler = ["clang", "-shared", "-fPIC", "-w", *COMPILE, *flags]
    run([*compiler, "-o", f"{target}.so", code])


def fingerprint(names: list[str]) -> str:
    """What the build depends on, as a number."""
    paths = [ROOT / name.replace(".", "/") for name in names]
    sources = [path.with_suffix(suffix) for path in paths for suffix in (".pyx", ".pxd")]
    headers = sorted((ROOT / "alp" / "_core").rglob("*.pxd"))
    own = [FUZZ / name for name in ("target.pyx", "driver.cpp", "fuzz_build.py")]
    total = zlib.crc32(sys.version.encode())
    for path in dict.fromkeys([*sources, *headers, *own]):
        total = zlib.crc32(path.read_bytes() if path.is_file() else b"", total)
    return str(total)


def build(folder: Path) -> Path:
    """Build what is not built yet; return the program.

    Raises
    ------
    CannotBuild
        If it cannot be built here.
    """
    program, stamp = folder / "fuzz_feeds", folder / "built"
    names = modules()
    wanted = fingerprint(names)
    if program.is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return program
    compiler = clang()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sources = {name: ROOT / f"{name.replace('.', '/')}.pyx" for name in names}
    sources["target"] = FUZZ / "target.pyx"
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(build_module, *row, folder) for row in sources.items()]
        for each in done:
            each.result()
    for name in PACKAGE_FILES:
        copied = folder / "tree" / "alp" / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "alp" / name, copied)
    (folder / "tree" / "alp" / "__init__.py").write_text("")
    flags = [f"-fsanitize=fuzzer,{SANITIZE}", f"-I{sysconfig.get_path('include')}"]
    command = [compiler, "-std=c++17", *COMPILE, *flags, FUZZ / "driver.cpp", "-o", program]
    run([*command, *python_library()])
    stamp.write_text(wanted)
    return program


if __name__ == "__main__":
    print(build(ROOT / "build" / "fuzz"))
