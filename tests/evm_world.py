"""A local chain with the real Uniswap V3 contracts, as fixtures for any test marked ``evm``.

``anvil`` is a fresh chain for each test module, ``uniswap`` the contracts deployed on it. Tests
that use them skip with the reason where ``.ci/setup-evm`` has not been run.
"""

from __future__ import annotations

import json
import platform
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "evm"
START_S = 1_704_412_800  # 2024-01-05
Q96 = 1 << 96
SPACINGS = {500: 10, 3000: 60, 10000: 200}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_DEADLINE = 1 << 40


def anvil_binary() -> Path | None:
    """The anvil executable that ``.ci/setup-evm`` installs for this machine, if it is there."""
    name = f"anvil-{platform.system().lower()}-{_MACHINES.get(platform.machine(), '?')}"
    path = FOLDER / "node_modules" / "@foundry-rs" / name / "bin" / "anvil"
    return path if path.exists() else None


def artifact(path: str) -> dict[str, Any]:
    """Return abi and bytecode of a contract: of Uniswap's packages by path, of ours by name."""
    if "/" not in path:
        return json.loads((FOLDER / "build" / "contracts.json").read_text())[path]
    name = path.rpartition("/")[2]
    package, _, rest = path.partition("/")
    folder = FOLDER / "node_modules" / "@uniswap" / package / "artifacts" / "contracts"
    return json.loads((folder / f"{rest}.sol" / f"{name}.json").read_text())


class Anvil:
    """A running chain. Blocks are mined with each transaction, one second apart."""

    def __init__(self, *arguments: str) -> None:
        from web3 import HTTPProvider, Web3

        binary = anvil_binary()
        assert binary is not None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [str(binary), "--port", str(self.port), "--silent", "--hardfork", "cancun"]
        command += ["--gas-limit", "1000000000", "--timestamp", str(START_S), *arguments]
        self.process = subprocess.Popen(command)
        self.web3 = Web3(HTTPProvider(self.url, request_kwargs={"timeout": 30}))
        for _ in range(400):
            if self.web3.is_connected():
                break
            time.sleep(0.025)
        else:
            self.stop()
            raise RuntimeError("anvil did not start")
        self.account = self.web3.eth.accounts[0]
        self.now_s = START_S

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def request(self, method: str, *params: Any) -> Any:
        """Send any JSON-RPC request, return its result."""
        answer = self.web3.provider.make_request(method, list(params))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def mine(self, blocks: int = 1, seconds: int = 12) -> None:
        """Mine empty blocks."""
        self.request("anvil_mine", hex(blocks), hex(seconds))
        self.now_s = self.web3.eth.get_block("latest")["timestamp"]

    def send(self, call: Any, *, seconds: int = 12, sender: str | None = None) -> Any:
        """Send a contract call as a transaction in a block of its own, return the receipt."""
        self.now_s += seconds
        self.request("evm_setNextBlockTimestamp", self.now_s)
        sent = call.transact({"from": sender or self.account, "gas": 30_000_000})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.005)
        assert receipt["status"] == 1, "the transaction reverted"
        return receipt

    def deploy(self, path: str, *arguments: Any) -> Any:
        """Deploy a contract, return it."""
        found = artifact(path)
        factory = self.web3.eth.contract(abi=found["abi"], bytecode=found["bytecode"])
        receipt = self.send(factory.constructor(*arguments))
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=found["abi"])


@dataclass
class LocalPool:
    """A pool on the local chain, with a driver that owns plenty of both tokens."""

    world: LocalUniswap
    contract: Any
    tick_spacing: int

    @property
    def address(self) -> str:
        return str(self.contract.address)

    def slot0(self) -> list[Any]:
        """sqrtPriceX96, tick, and the rest of slot0."""
        return self.contract.functions.slot0().call()

    def liquidity(self) -> int:
        return self.contract.functions.liquidity().call()

    def _drive(self, name: str, *arguments: Any) -> Any:
        function = self.world.driver.functions[name](self.address, *arguments)
        return self.world.anvil.send(function)

    def mint(self, lower: int, upper: int, amount: int) -> Any:
        return self._drive("mint", lower, upper, amount)

    def burn(self, lower: int, upper: int, amount: int) -> Any:
        return self._drive("burn", lower, upper, amount)

    def collect(self, lower: int, upper: int) -> Any:
        most = (1 << 128) - 1
        return self._drive("collect", lower, upper, most, most)

    def swap(self, zero_for_one: bool, amount: int) -> Any:
        """Swap to the end: exact input above zero, exact output below."""
        limit = 4295128740 if zero_for_one else 1461446703485210103287273052203988822378723970341
        return self._drive("swap", zero_for_one, amount, limit)

    def flash(self, amount0: int, amount1: int, paid0: int, paid1: int) -> Any:
        return self._drive("flash", amount0, amount1, paid0, paid1)


@dataclass
class LocalUniswap:
    """Uniswap V3 on a local chain; token0 is USDC (6 decimals), token1 WETH (18), as on mainnet."""

    anvil: Anvil
    factory: Any = field(init=False)
    usdc: Any = field(init=False)
    weth: Any = field(init=False)
    manager: Any = field(init=False)
    router: Any = field(init=False)
    quoter: Any = field(init=False)
    driver: Any = field(init=False)

    def __post_init__(self) -> None:
        anvil = self.anvil
        self.weth = anvil.deploy("Token", "WETH", 18)
        while True:
            self.usdc = anvil.deploy("Token", "USDC", 6)
            if int(self.usdc.address, 16) < int(self.weth.address, 16):
                break
        self.factory = anvil.deploy("v3-core/UniswapV3Factory")
        places = (self.factory.address, self.weth.address)
        nowhere = "0x" + "00" * 20
        self.manager = anvil.deploy("v3-periphery/NonfungiblePositionManager", *places, nowhere)
        self.router = anvil.deploy("v3-periphery/SwapRouter", *places)
        self.quoter = anvil.deploy("v3-periphery/lens/QuoterV2", *places)
        self.driver = anvil.deploy("Driver")
        for token in (self.usdc, self.weth):
            self.fund(token, self.driver.address)
            self.fund(token, anvil.account)
            for spender in (self.manager, self.router):
                anvil.send(token.functions.approve(spender.address, (1 << 256) - 1))

    def fund(self, token: Any, owner: str, amount: int = 10**33) -> None:
        """Give tokens to somebody."""
        self.anvil.send(token.functions.mint(owner, amount))

    def create_pool(self, fee: int = 500, *, sqrt_price_x96: int | None = None) -> LocalPool:
        """Create and initialise a pool; by default at about 2250 USDC per WETH."""
        tokens = (self.usdc.address, self.weth.address)
        self.anvil.send(self.factory.functions.createPool(*tokens, fee))
        address = self.factory.functions.getPool(*tokens, fee).call()
        abi = artifact("v3-core/UniswapV3Pool")["abi"]
        contract = self.anvil.web3.eth.contract(address=address, abi=abi)
        price = sqrt_price_x96 or 1670281633106163240000000000000000
        self.anvil.send(contract.functions.initialize(price))
        return LocalPool(self, contract, SPACINGS[fee])

    def deadline(self) -> int:
        """A deadline no transaction of a test can miss."""
        return _DEADLINE


@pytest.fixture(scope="session")
def evm_installed() -> None:
    """Skips where the local EVM is not installed."""
    if anvil_binary() is None or not (FOLDER / "build" / "contracts.json").exists():
        pytest.skip("needs the local EVM and the Uniswap contracts: run `bash .ci/setup-evm`")


@pytest.fixture(scope="module")
def start_anvil(evm_installed: None) -> Iterator[Callable[..., Anvil]]:
    """Start chains with further command line arguments; they are stopped after the module."""
    started: list[Anvil] = []

    def start(*arguments: str) -> Anvil:
        started.append(Anvil(*arguments))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def anvil(start_anvil: Callable[..., Anvil]) -> Anvil:
    """A fresh chain for this test module; its finalized block is two behind the newest."""
    return start_anvil("--slots-in-an-epoch", "1")


@pytest.fixture(scope="module")
def uniswap(anvil: Anvil) -> LocalUniswap:
    """The Uniswap V3 contracts on the module's chain."""
    return LocalUniswap(anvil)
