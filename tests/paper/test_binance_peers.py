"""Clients of Binance that need environments of their own trade on the simulated one.

`bash .ci/setup-peers` makes python-binance's; nautilus_trader's, which is large, comes with `all`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from alp.paper.binance.public import Binance
from alp.paper.exchange import Exchange
from alp.paper.market import Market

pytestmark = pytest.mark.timed

PEERS = Path(__file__).resolve().parents[2] / "build/peers"
ALONE_S = 300
PRODUCTS = pytest.mark.parametrize("product", ["usdm", "spot"])


def interpreter(name: str) -> Path:
    return PEERS / name / "bin/python"


def needs(name: str) -> pytest.MarkDecorator:
    reason = f"needs {name}: bash .ci/setup-peers{' all' if name == 'nautilus_trader' else ''}"
    return pytest.mark.skipif(not interpreter(name).exists(), reason=reason)


async def traded(name: str, script: str, product: str, *, stream: bool) -> str:
    """Run a script with an exchange; return what it says."""
    decimals = 3 if product == "usdm" else 4
    market = Market.made_up("ETHUSDC", seed=11, quantity_decimals=decimals)
    protocol = Binance([market], futures=product == "usdm")
    async with Exchange(protocol, rate=0) as exchange:
        addresses = [exchange.rest_url, *([exchange.stream_url] if stream else [])]
        process = await asyncio.create_subprocess_exec(
            str(interpreter(name)),
            str(Path(__file__).with_name(script)),
            *addresses,
            product,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, errors = await asyncio.wait_for(process.communicate(), ALONE_S)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert out, errors.decode()
    return out.decode()


@needs("python-binance")
@PRODUCTS
def test_python_binance_trades(product: str) -> None:
    said = json.loads(
        asyncio.run(traded("python-binance", "python_binance_script.py", product, stream=False))
    )
    if product == "usdm":
        assert said == ["NEW", "1991.50", -5022, "NEW", "CANCELED", "2000.01", "0.050", 200]
    else:
        bought = "1000000.04985010"  # 0.0499 less a fee of 10 bps
        assert said == ["NEW", -2010, "0.00000000", "pb-1", "2000.01000000", bought]


@needs("nautilus_trader")
@PRODUCTS
def test_a_live_node_of_nautilus_trades(product: str) -> None:
    said = asyncio.run(traded("nautilus_trader", "nautilus_script.py", product, stream=True))
    steps = said.splitlines()
    amended = ["updated 1991.00"] if product == "usdm" else []
    expected = ["accepted maker", *amended, "accepted taker", "filled 2000.01 0.05", "canceled"]
    assert [step for step in steps if step in expected] == expected
