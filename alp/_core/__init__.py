"""The compiled engine: integers in, integers out, no Python object on a hot path.

Nothing here imports the rest of alp. Each ``.pyx`` has a ``.pxd`` (its contract with other
compiled modules) and a ``.pyi`` (its contract with Python).
"""

try:
    from alp._core import uint256 as _uint256  # noqa: F401
except ImportError as error:  # pragma: no cover - seen only in an unbuilt tree
    raise ImportError(
        "alp's compiled core is missing or was built for another Python "
        f"({error}). This is a source tree that has not been built: run\n\n"
        "    python -m pip install -e .\n\n"
        "in its top folder, then try again."
    ) from error
