from __future__ import annotations

import pytest

from alp.strategy.keccak import checksum_address
from alp.strategy.networks import NETWORKS, TICK_SPACING, TOKENS, pool_address

ADDRESSES = [
    (chain, symbol, address)
    for chain, tokens in TOKENS.items()
    for symbol, (address, _) in tokens.items()
]

POOLS = [
    ("ethereum", "USDC", "WETH", 500, "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"),
    ("ethereum", "WETH", "USDC", 3000, "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8"),
    ("ethereum", "WBTC", "WETH", 3000, "0xCBCdF9626bC03E24f779434178A73a0B4bad62eD"),
    ("ethereum", "USDC", "USDT", 100, "0x3416cF6C708Da44DB2624D63ea0AAef7113527C6"),
    ("ethereum", "DAI", "USDC", 100, "0x5777d92f208679DB4b9778590Fa3CAB3aC9e2168"),
    ("ethereum", "LINK", "WETH", 3000, "0xa6Cc3C2531FdaA6Ae1A3CA84c2855806728693e8"),
    ("ethereum", "UNI", "WETH", 3000, "0x1d42064Fc4Beb5F8aAF85F4617AE8b3b5B8Bd801"),
    ("ethereum", "wstETH", "WETH", 100, "0x109830a1AAaD605BbF02a9dFA7B0B92EC2FB7dAa"),
    ("polygon", "USDC.e", "WETH", 500, "0x45dDa9cb7c25131DF268515131f647d726f50608"),
    ("polygon", "WPOL", "WETH", 500, "0x86f1d8390222A3691C28938eC7404A1661E618e0"),
    ("polygon", "WBTC", "WETH", 500, "0x50eaEDB835021E4A108B7290636d62E9765cc6d7"),
    ("arbitrum", "WETH", "USDC", 500, "0xC6962004f452bE9203591991D15f6b388e09E8D0"),
    ("arbitrum", "WETH", "USDC.e", 500, "0xC31E54c7a869B9FcBEcc14363CF510d1c41fa443"),
    ("arbitrum", "WETH", "USDT", 500, "0x641C00A822e8b671738d32a431a4Fb6074E5c79d"),
    ("arbitrum", "WETH", "ARB", 500, "0xC6F780497A95e246EB9449f5e4770916DCd6396A"),
    ("optimism", "WETH", "USDC", 500, "0x1fb3cf6e48F1E7B10213E7b6d87D4c073C7Fdb7b"),
    ("optimism", "WETH", "OP", 3000, "0x68F5C0A2DE713a54991E01858Fd27a3832401849"),
    ("base", "WETH", "USDC", 500, "0xd0b53D9277642d899DF5C87A3966A349A798F224"),
]


@pytest.mark.parametrize(("chain", "symbol", "address"), ADDRESSES)
def test_a_known_token_has_a_valid_checksum(chain: str, symbol: str, address: str) -> None:
    assert checksum_address(address) == address, f"{symbol} on {chain}"


@pytest.mark.parametrize(("chain", "a", "b", "fee", "pool"), POOLS)
def test_known_tokens_derive_the_pools_everybody_knows(
    chain: str, a: str, b: str, fee: int, pool: str
) -> None:
    factory = NETWORKS[chain].factory
    assert factory is not None
    assert pool_address(factory, TOKENS[chain][a][0], TOKENS[chain][b][0], fee) == pool
    assert pool_address(factory, TOKENS[chain][b][0], TOKENS[chain][a][0], fee) == pool


def test_every_chain_has_tokens_and_its_wrapped_native_among_them() -> None:
    for name, network in NETWORKS.items():
        assert network.wrapped in TOKENS[name]


def test_tick_spacings_are_the_factorys() -> None:
    assert TICK_SPACING == {100: 1, 500: 10, 3000: 60, 10000: 200}
