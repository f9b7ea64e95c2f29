"""The compiled modules of alp; everything else about the package is in pyproject.toml.

Every ``.pyx`` below ``alp/_core`` is one extension. Environment variables and flags:

``ALP_DEBUG_CYTHON=1``  all of Cython's run-time checks on, no optimisation
``--annotate``          also write Cython's annotated HTML beside each source
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
    "nonecheck": DEBUG,
    "overflowcheck": False,  # limb arithmetic wraps on purpose
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": False,
    "warn.unused": True,
}

# No -march=native: a wheel must run on every machine of its platform.
COMPILE_ARGS = ["-O0", "-g"] if DEBUG else ["-O3"]
COMPILE_ARGS += ["-Wno-unused-function", "-Wno-unreachable-code"]

ROOT = Path(__file__).parent


def extensions() -> list[Extension]:
    """One extension for each .pyx, named after its path."""
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / "alp" / "_core").rglob("*.pyx"))
    return [
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            extra_compile_args=COMPILE_ARGS,
            define_macros=[("CYTHON_TRACE_NOGIL", "0")],
        )
        for source in sources
    ]


setup(
    ext_modules=cythonize(
        extensions(),
        compiler_directives=DIRECTIVES,
        annotate=ANNOTATE,
        build_dir="build/cython",
        force=DEBUG,
        nthreads=os.cpu_count() if "build_ext" in sys.argv else 0,
    )
)
