"""Chains, tokens and the Uniswap V3 deployment on each: facts that manifests refer to by name.

Only tokens are listed whose address is certain; any other is written out in ``spec.pool.tokens``.
A bridged token has its own symbol (``USDC.e``), never that of the native one.
"""

from __future__ import annotations

from dataclasses import dataclass

from alp.strategy.keccak import create2_address, keccak256

TICK_SPACING = {100: 1, 500: 10, 3000: 60, 10000: 200}
"""Fee tier in pips -> tick spacing, as every Uniswap V3 factory enables them."""

POOL_INIT_CODE_HASH = bytes.fromhex(
    "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
)
"""keccak256 of UniswapV3Pool's creation code."""

_FACTORY = "0x1F98431c8aD98523631AE4a59f267346ea31F984"


@dataclass(frozen=True, slots=True)
class Network:
    """A chain and its Uniswap V3 factory.

    Parameters
    ----------
    name
        As ``spec.pool.chain`` writes it.
    chain_id
        EIP-155 chain id.
    native
        Symbol of the token that pays gas.
    wrapped
        Symbol of its ERC-20 form.
    factory
        Address of the Uniswap V3 factory; None where it is not known.
    """

    name: str
    chain_id: int
    native: str
    wrapped: str
    factory: str | None


NETWORKS = {
    network.name: network
    for network in (
        Network("ethereum", 1, "ETH", "WETH", _FACTORY),
        Network("optimism", 10, "ETH", "WETH", _FACTORY),
        Network("polygon", 137, "POL", "WPOL", _FACTORY),
        Network("base", 8453, "ETH", "WETH", "0x33128a8fC17869897dcE68Ed026d694621f6FDfD"),
        Network("arbitrum", 42161, "ETH", "WETH", _FACTORY),
    )
}

TOKENS: dict[str, dict[str, tuple[str, int]]] = {
    "ethereum": {
        "WETH": ("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", 18),
        "USDC": ("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6),
        "USDT": ("0xdAC17F958D2ee523a2206206994597C13D831ec7", 6),
        "DAI": ("0x6B175474E89094C44Da98b954EedeAC495271d0F", 18),
        "WBTC": ("0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599", 8),
        "wstETH": ("0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0", 18),
        "LINK": ("0x514910771AF9Ca656af840dff83E8264EcF986CA", 18),
        "UNI": ("0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984", 18),
    },
    "optimism": {
        "WETH": ("0x4200000000000000000000000000000000000006", 18),
        "USDC": ("0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85", 6),
        "USDC.e": ("0x7F5c764cBc14f9669B88837ca1490cCa17c31607", 6),
        "USDT": ("0x94b008aA00579c1307B0EF2c499aD98a8ce58e58", 6),
        "DAI": ("0xDA10009cBd5D07dd0CeCc66161FC93D7c9000da1", 18),
        "WBTC": ("0x68f180fcCe6836688e9084f035309E29Bf0A2095", 8),
        "OP": ("0x4200000000000000000000000000000000000042", 18),
    },
    "polygon": {
        "WPOL": ("0x0d500B1d8E8eF31E21C99d1Db9A6444d3ADf1270", 18),
        "WETH": ("0x7ceB23fD6bC0adD59E62ac25578270cFf1b9f619", 18),
        "USDC": ("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", 6),
        "USDC.e": ("0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174", 6),
        "USDT": ("0xc2132D05D31c914a87C6611C10748AEb04B58e8F", 6),
        "DAI": ("0x8f3Cf7ad23Cd3CaDbD9735AFf958023239c6A063", 18),
        "WBTC": ("0x1BFD67037B42Cf73acF2047067bd4F2C47D9BfD6", 8),
    },
    "base": {
        "WETH": ("0x4200000000000000000000000000000000000006", 18),
        "USDC": ("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 6),
        "USDbC": ("0xd9aAEc86B65D86f6A7B5B1b0c42FFA531710b6CA", 6),
        "DAI": ("0x50c5725949A6F0c72E6C4a641F24049A917DB0Cb", 18),
        "cbBTC": ("0xcbB7C0000aB88B473b1f5aFd9ef808440eed33Bf", 8),
    },
    "arbitrum": {
        "WETH": ("0x82aF49447D8a07e3bd95BD0d56f35241523fBab1", 18),
        "USDC": ("0xaf88d065e77c8cC2239327C5EDb3A432268e5831", 6),
        "USDC.e": ("0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8", 6),
        "USDT": ("0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9", 6),
        "DAI": ("0xDA10009cBd5D07dd0CeCc66161FC93D7c9000da1", 18),
        "WBTC": ("0x2f2a2543B76A4166549F7aaB2e75Bef0aefC5B0f", 8),
        "ARB": ("0x912CE59144191C1204E64559FE8253a0e49E6548", 18),
    },
}
"""Chain -> symbol -> (address, decimals)."""


def pool_address(factory: str, token_a: str, token_b: str, fee_pips: int) -> str:
    """Return the address of the pool of two tokens (in either order) at a fee tier.

    The factory deploys with ``salt = keccak256(abi.encode(token0, token1, fee))``.
    """
    words = [*sorted((int(token_a, 16), int(token_b, 16))), fee_pips]
    salt = keccak256(b"".join(word.to_bytes(32, "big") for word in words))
    return create2_address(factory, salt, POOL_INIT_CODE_HASH)
