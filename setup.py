"""The compiled modules of alp; everything else about the package is in pyproject.toml.

Every ``.pyx`` below ``alp`` is one extension. Environment variables and flags:

``ALP_DEBUG_CYTHON=1``  bounds and initialisation checks on, no optimisation
``ALP_CYTHON_CACHE``    a folder where the C made from each module is kept for other builds
``--annotate``          also write Cython's annotated HTML, below ``build/cython``
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("ALP_DEBUG_CYTHON") == "1"
ANNOTATE = "--annotate" in sys.argv
if ANNOTATE:
    sys.argv.remove("--annotate")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "nonecheck": False,  # with it, Cython refuses `self.x += y` where the GIL is not held
    "overflowcheck": False,  # limb arithmetic wraps on purpose
    "cdivision": True,
    "embedsignature": True,
    "annotation_typing": False,  # annotations are for readers; C types are written with cdef
    "freethreading_compatible": False,
    "warn.unused": True,
}

# Flags that gcc and clang share. No -march=native: a wheel must run on every machine of its
# platform. No -ffast-math: two builds must agree to the last bit.
COMPILE_ARGS = ["-O0", "-g"] if DEBUG else ["-O3", "-g0"]
COMPILE_ARGS += ["-ffp-contract=off", "-Wno-unused-function", "-Wno-unreachable-code"]

ROOT = Path(__file__).parent
JOBS = os.cpu_count() or 1


def extensions() -> list[Extension]:
    """One extension for each .pyx, named after its path."""
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / "alp").rglob("*.pyx"))
    return [
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            extra_compile_args=COMPILE_ARGS,
        )
        for source in sources
    ]


if __name__ == "__main__":  # Cython's worker processes import this file again
    setup(
        ext_modules=cythonize(
            extensions(),
            compiler_directives=DIRECTIVES,
            annotate=ANNOTATE,
            build_dir="build/cython-debug" if DEBUG else "build/cython",
            nthreads=JOBS,
            cache=os.environ.get("ALP_CYTHON_CACHE") or False,
        ),
        options={"build_ext": {"parallel": JOBS, "force": DEBUG}},
    )
