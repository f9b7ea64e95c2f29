"""Paper trading's world: an exchange on localhost for each that the manifest names.

What a strategy is stays as it is; only where its venues are, and that it is on paper, changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

from alp.errors import ConfigError
from alp.paper.venues import check_symbol
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, Problem
from alp.strategy.venues import Venue
from alp.system.parts import Part, Ready, Restart, Role
from alp.system.surroundings import HOST, Surroundings

EVENTS_PER_S = 20.0
"""Of a made-up market, at rate 1."""
COIN = Decimal("0.00000001")
EXCHANGE_STOP_S = 5.0


@dataclass(frozen=True)
class Recording:
    """A recorded market for a venue of the manifest.

    Attributes
    ----------
    product
        What the venue's symbol is called in the recording; empty: the same.
    """

    venue: str
    path: Path
    product: str = ""

    @classmethod
    def read(cls, text: str) -> Recording:
        """Return what ``VENUE[:PRODUCT]=FILE`` says.

        Raises
        ------
        ConfigError
            If it says nothing.
        """
        names, equals, path = text.partition("=")
        venue, _, product = names.partition(":")
        if not equals or not venue or not path:
            raise ConfigError(f"--data {text}: is not VENUE=FILE or VENUE:PRODUCT=FILE")
        return cls(venue, Path(path).absolute(), product)


@dataclass(frozen=True)
class World:
    """How the simulated markets are.

    Attributes
    ----------
    seed
        Of made-up markets; those of all exchanges have the same, so that their prices are alike.
    rate
        How much faster than usual things happen: events of made-up markets, recorded time.
    """

    seed: int = 1
    rate: float = 1.0
    recordings: tuple[Recording, ...] = ()


@dataclass(frozen=True)
class Simulated:
    """One exchange of the world."""

    exchange: str
    port: int
    venues: tuple[Venue, ...]

    @property
    def name(self) -> str:
        """Of its part."""
        return f"exchange-{self.exchange}"

    @property
    def endpoints(self) -> dict[str, str]:
        """Where the manifest has to say that it is."""
        return {"rest": f"http://{HOST}:{self.port}", "stream": f"ws://{HOST}:{self.port}"}


def simulated(strategy: Strategy, next_port: Any) -> list[Simulated]:
    """Return the exchanges that a strategy needs, each with its venues."""
    venues = strategy.spec.venues
    return [
        Simulated(
            exchange, next_port(), tuple(each for each in venues if each.exchange == exchange)
        )
        for exchange in dict.fromkeys(each.exchange for each in venues)
    ]


def on_paper(strategy: Strategy, exchanges: Sequence[Simulated]) -> dict[str, Any]:
    """Return the manifest of the same strategy at simulated exchanges, as YAML would hold it."""
    content = strategy.written()
    spec = content["spec"]
    spec["mode"] = "paper"
    where = {each.exchange: each.endpoints for each in exchanges}
    for venue in spec.get("venues", ()):
        venue["endpoints"] = where[venue["exchange"]]
    if "data" in spec.get("backtest", {}):
        spec["backtest"]["data"] = _absolute(spec["backtest"]["data"], strategy)
    return content


def _absolute(value: Any, strategy: Strategy) -> Any:
    """Return the same with paths that do not depend on where the manifest is."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if key == "path" and isinstance(inner, str):
            found[key] = str(strategy.data_path(inner).absolute())
        elif key == "paths":
            found[key] = [str(strategy.data_path(each).absolute()) for each in inner]
        else:
            found[key] = _absolute(inner, strategy)
    return found


def exchange_part(
    strategy: Strategy,
    exchange: Simulated,
    accounts: Sequence[str],
    world: World,
    around: Surroundings,
) -> Part:
    """Return the process of a simulated exchange.

    Parameters
    ----------
    accounts
        Names of those that it has.

    Raises
    ------
    ManifestError
        If it has no product like the manifest's, or no recording of one.
    """
    command = ["venue", exchange.exchange, "--host", HOST, "--port", str(exchange.port)]
    command += ["--control", "--seed", str(world.seed), "--rate", f"{EVENTS_PER_S * world.rate:g}"]
    command += _markets(strategy, exchange, world)
    command += ["--keys", str(keys_folder(around, exchange.exchange))]
    for account in accounts:
        command += ["--account", account]
    command += ["--base", f"{starting_base(strategy).normalize():f}"]
    return Part(
        exchange.name,
        Role.EXCHANGE,
        tuple(command),
        f"{HOST}:{exchange.port}",
        Ready.ANSWERS,
        # Its accounts end with it: another one would know nothing of their orders.
        restart=Restart(most=0),
        stop_s=EXCHANGE_STOP_S,
        venues=tuple(each.name for each in exchange.venues),
    )


def keys_folder(around: Surroundings, exchange: str) -> Path:
    """Return where a simulated exchange writes the keys of its accounts."""
    return around.state / "keys" / exchange


def starting_base(strategy: Strategy) -> Decimal:
    """Return what a spot account begins with: it can then sell as much as it can buy.

    On spot what is held is the position, which limits bound on one side and zero on the other.
    """
    limits = strategy.spec.limits
    bounds = [each for each in (limits.max_venue_base, limits.max_net_base) if each is not None]
    most = min(bounds) / 2 if bounds else strategy.spec.inventory.base
    return most.quantize(COIN, ROUND_FLOOR)


def _markets(strategy: Strategy, exchange: Simulated, world: World) -> list[str]:
    recordings = [
        each for each in world.recordings if each.venue in {venue.name for venue in exchange.venues}
    ]
    names = {each.venue: each.product for each in recordings}
    products: dict[str, str] = {}
    problems = []
    for index, venue in enumerate(strategy.spec.venues):
        if venue.exchange != exchange.exchange:
            continue
        product = product_of(venue)
        try:
            check_symbol(venue.exchange, product)
        except ConfigError as error:
            where = ("spec", "venues", index, "symbol")
            problems.append(Problem(where, f"{error.message}; {error.hint}"))
        if names.get(venue.name):
            products[product] = names[venue.name]
        else:
            products.setdefault(product, "")
        if recordings and venue.name not in names and not products[product]:
            others = ", ".join(sorted(names))
            problems.append(
                Problem(
                    ("spec", "venues", index),
                    f"{venue.exchange} plays the recording given for {others}: say which product "
                    f"of it this one is: --data {venue.name}:PRODUCT=FILE",
                )
            )
    if problems:
        raise ManifestError(str(strategy.source or strategy.name), problems)
    command = []
    for product, recorded in products.items():
        command += ["--product", f"{product}={recorded}" if recorded else product]
    for path in dict.fromkeys(each.path for each in recordings):
        command += ["--recording", str(path)]
    return [*command, "--speed", f"{world.rate:g}"] if recordings else command


def product_of(venue: Venue) -> str:
    """Return the market that a venue's orders trade in: Coinbase has one for dollar and USDC."""
    if venue.exchange == "coinbase-spot" and venue.symbol.endswith("-USDC"):
        return venue.symbol.removesuffix("-USDC") + "-USD"
    return venue.symbol
