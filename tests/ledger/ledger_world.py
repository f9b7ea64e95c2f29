"""A ledger's world for tests: assets, places, and histories of events made from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from alp.ledger.accounts import Place, transit, venue, wallet
from alp.ledger.assets import Asset, Assets
from alp.ledger.events import (
    Adoption,
    Event,
    Fee,
    Fill,
    Flow,
    Funding,
    Gas,
    LpBurn,
    LpCollect,
    LpLevel,
    LpMint,
    LpSwapThrough,
    Mark,
    Settlement,
    Transfer,
    chain_proof,
    own_proof,
    transaction_proof,
    venue_proof,
)

USDC, ETH, WETH, BNB = Asset("USDC", 12), Asset("ETH", 18), Asset("WETH", 18), Asset("BNB", 12)
PERP = Asset("ETHUSDC-PERP", 12)
ASSETS = Assets(USDC, (ETH, WETH, BNB, PERP))
KRAKEN, BINANCE, OURS = venue("kraken"), venue("binance"), wallet("0xa")
NOW = 1_800_000_000 * 10**9
POSITION = "1|0xpool|7"


def fill(
    number: int,
    side: int = 1,
    base: str = "0.5",
    quote: str = "1000",
    *,
    fee: str = "",
    fee_asset: str = "USDC",
    place: Place = KRAKEN,
) -> Fill:
    """A trade of ETH for USDC at a venue."""
    return Fill(
        venue_proof(place.owner, "trade", str(number)),
        NOW + number,
        place,
        "ETH",
        "USDC",
        side,
        ETH.raw(base),
        USDC.raw(quote),
        ASSETS[fee_asset].raw(fee) if fee else 0,
        fee_asset if fee else "",
    )


def mark(asset: str, price: str, at_ns: int = NOW) -> Mark:
    """A mark in USDC."""
    return Mark(asset, at_ns, ASSETS.mark_x96(asset, price))


def block(number: int) -> str:
    """A block's hash."""
    return f"0x{number:064x}"


def lp(number: int) -> tuple[str, str, str, str]:
    """The members that all events of liquidity have."""
    return ("0xa", f"{POSITION}{number}", "WETH", "USDC")


def history(seed: int, length: int) -> Iterator[Event | Mark]:
    """Any events in any order; proofs are unique, two histories of one seed are equal."""
    chance = random.Random(seed)
    for number in range(length):
        yield _any(chance, number)


def _any(chance: random.Random, number: int) -> Event | Mark:
    assets = ["ETH", "WETH", "BNB", "ETHUSDC-PERP"]

    def amount() -> int:
        return chance.randint(1, 10 ** chance.randint(1, 21))

    def signed() -> int:
        return chance.choice((1, -1)) * amount()

    at_ns = NOW + number * 1_000
    proof = venue_proof("kraken", "ledger", str(number))
    logged = chain_proof(1, block(number // 3), number % 3)
    place = chance.choice((KRAKEN, BINANCE, OURS))
    asset = chance.choice([*assets, "USDC"])
    base, quote = chance.sample([*assets, "USDC"], 2)
    fee = chance.choice((0, 0, signed()))
    one = lp(chance.randint(1, 3))
    make = chance.choice(
        (
            lambda: Mark(chance.choice(assets), at_ns, chance.randint(1, 10**40)),
            lambda: Fill(
                proof, at_ns, place, base, quote, chance.choice((1, -1)), amount(), amount(),
                fee, asset if fee else "", chance.random() < 0.2,
            ),
            lambda: Fill(proof, at_ns, place, base, "USDC" if base != "USDC" else "ETH",
                         chance.choice((1, -1)), amount(), amount()),
            lambda: Fee(proof, at_ns, place, asset, signed()),
            lambda: Funding(proof, at_ns, place, asset, signed()),
            lambda: Settlement(proof, at_ns, "kraken", "USDC", signed()),
            lambda: Transfer(proof, at_ns, place, transit("t"), asset, amount()),
            lambda: Flow(proof, at_ns, place, asset, signed()),
            lambda: Adoption(own_proof("adoption", str(number)), at_ns, place, asset, signed()),
            lambda: Gas(transaction_proof(1, block(number // 3), number), at_ns, "0xa", "ETH",
                        amount()),
            lambda: LpMint(logged, at_ns, *one, amount(), amount()),
            lambda: LpBurn(logged, at_ns, *one, amount(), amount(), amount(), 0),
            lambda: LpCollect(logged, at_ns, *one, amount(), amount()),
            lambda: LpSwapThrough(logged, at_ns, *one, signed(), signed(), amount(), 0),
            lambda: LpLevel(logged, at_ns, *one, amount(), 0, amount(), amount()),
        )
    )  # fmt: skip
    return make()
