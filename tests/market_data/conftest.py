"""Fixtures of the tests of recorded data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from alp.models.pair import TokenPair

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text or bytes to a file, packed according to its name's end; return its path."""

    def write_file(content: str | bytes, name: str = "data.csv") -> Path:
        data = content.encode() if isinstance(content, str) else content
        if name.endswith(".gz"):
            data = gzip.compress(data, mtime=0)
        elif name.endswith(".zst"):
            import pyarrow as pa

            data = pa.compress(data, codec="zstd", asbytes=True)
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


@pytest.fixture
def pair() -> TokenPair:
    """USDC and WETH as on Ethereum: token0 is USDC."""
    return TokenPair("WETH", "USDC", 18, 6, False, 500, 10)


@pytest.fixture(scope="session")
def excerpts(root: Path) -> Path:
    """The folder of excerpts of recorded files."""
    return root / "tests" / "data"


@pytest.fixture(scope="session")
def day(root: Path) -> Path:
    """The folder of the sample day."""
    return root / "examples" / "data"
