"""The original project's settings, each put where the manifest has it, in the manifest's units.

Nothing is dropped silently: a setting is converted, named as dropped with the reason, or named as
unknown. ``FEE_TIER`` meant two things in the original and is explained every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from alp.strategy.document import Document
from alp.strategy.loading import check_document
from alp.strategy.networks import NETWORKS, TOKENS
from alp.strategy.old_config import OldSetting
from alp.strategy.old_meanings import (
    MODELS,
    PLUMBING,
    STABLE,
    WITHOUT_PLACE,
    bps,
    meaning_of_fee_tier,
    percent_to_bps,
    venue_of,
)
from alp.strategy.problems import ManifestError, Path, read_path
from alp.strategy.units import write_decimal


@dataclass
class Conversion:
    """A manifest made of old settings.

    Parameters
    ----------
    content
        The manifest as YAML would hold it.
    origins
        Path of a field -> what it was made of.
    notes
        What a person has to know or decide, in sentences.
    """

    content: dict[str, Any]
    origins: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Return what is still wrong with the manifest; nothing if it can be used."""
        try:
            check_document(Document("manifest", self.content))
        except ManifestError as error:
            return [f"{problem.field}: {problem.message}" for problem in error.problems]
        return []

    def put(self, where: str, value: Any, origin: str) -> None:
        """Set a field, such as ``spec.pool.chain``, and remember what it was made of."""
        path = read_path(where)
        holder = self.content
        for part in path[:-1]:
            assert isinstance(part, str)
            holder = holder.setdefault(part, {})
        holder[str(path[-1])] = value
        self.origins[path] = origin


def convert(settings: Iterable[OldSetting], name: str, fee_tier: int | None = None) -> Conversion:
    """Return the manifest that does what the old settings say.

    Parameters
    ----------
    settings
        Of all files, later ones overriding earlier ones.
    name
        ``metadata.name`` of the result.
    fee_tier
        In pips; decides where FEE_TIER is ambiguous.
    """
    return _Converter(list(settings), name, fee_tier).run()


class _Converter:
    def __init__(self, settings: list[OldSetting], name: str, fee_tier: int | None) -> None:
        self._old = {each.name: each for each in settings if each.value is not None}
        self._all = settings
        self._used: set[str] = set()
        self._fee_tier = fee_tier
        head = {"apiVersion": "alp.dev/v1alpha1", "kind": "Strategy", "metadata": {"name": name}}
        self._result = Conversion({**head, "spec": {"mode": "paper"}})

    def run(self) -> Conversion:
        self._pool()
        self._inventory()
        self._decisions()
        self._venues()
        self._left_over()
        return self._result

    def _text(self, *names: str) -> tuple[str, str] | None:
        """Return value and origin of the first of ``names`` that was set."""
        for name in names:
            old = self._old.get(name)
            if old is not None and old.value:
                self._used.update(names)
                return old.value, f"{name} = {old.value}"
        return None

    def _number(self, *names: str) -> tuple[Decimal, str] | None:
        found = self._text(*names)
        if found is None:
            return None
        try:
            return Decimal(found[0]), found[1]
        except InvalidOperation:
            self._note(f"{found[1]} is not a number: left out")
            return None

    def _note(self, sentence: str) -> None:
        self._result.notes.append(sentence)

    def _pool(self) -> None:
        put = self._result.put
        chain = "ethereum"
        found = self._number("CHAIN_ID")
        if found is not None:
            named = [each.name for each in NETWORKS.values() if each.chain_id == found[0]]
            chain = named[0] if named else f"chain-{found[0]}"
            put("spec.pool.chain", chain, found[1])
            if not named:
                put("spec.pool.chainId", int(found[0]), found[1])
        else:
            put("spec.pool.chain", chain, "assumed")
            self._note("no CHAIN_ID was found: ethereum is assumed")
        self._used.add("CHAIN_NAME")
        self._tokens(chain)
        self._fee()

    def _tokens(self, chain: str) -> None:
        known = {address.lower(): symbol for symbol, (address, _) in TOKENS.get(chain, {}).items()}
        symbols = []
        for name in ("TOKEN_A_ADDRESS", "TOKEN_B_ADDRESS"):
            found = self._text(name)
            if found is None:
                continue
            symbol = known.get(found[0].lower())
            if symbol is None:
                self._note(
                    f"{found[1]} is not a token alp knows on {chain}: list it with its decimals in "
                    "spec.pool.tokens"
                )
            else:
                symbols.append((symbol, found[1]))
        symbols.sort(key=lambda each: each[0] in STABLE)
        if len(symbols) != 2:
            symbols = [("WETH", "assumed"), ("USDC", "assumed")]
            self._note("no two known tokens were found: WETH and USDC are assumed")
        for role, (symbol, origin) in zip(("base", "quote"), symbols, strict=True):
            self._result.put(f"spec.pool.{role}", symbol, origin)

    def _fee(self) -> None:
        found = self._number("FEE_TIER")
        if self._fee_tier is not None:
            self._result.put("spec.pool.feeTier", self._fee_tier, "--fee-tier")
            return
        if found is None:
            self._result.put("spec.pool.feeTier", 500, "assumed")
            self._note("no FEE_TIER was found: 500 (5 bps), the original's own default, is assumed")
            return
        tier, why = meaning_of_fee_tier(found[0])
        self._note(f"{found[1]}: {why}")
        if tier is not None:
            self._result.put("spec.pool.feeTier", tier, found[1])

    def _inventory(self) -> None:
        pool = self._result.content["spec"]["pool"]
        base_index = 0 if self._base_is_token0(pool) else 1
        for role, index, standard in (("base", base_index, "1"), ("quote", 1 - base_index, "2500")):
            found = self._number(f"DEFAULT_INITIAL_BALANCE_{index}")
            amount, origin = (write_decimal(found[0]), found[1]) if found else (standard, "assumed")
            self._result.put(f"spec.inventory.{role}", amount, origin)
            if not found:
                self._note(f"no initial balance of {role} was found: {standard} is assumed")
        found = self._number("TARGET_INVENTORY_RATIO")
        if found is not None:
            ratio, origin = found
            a = self._old.get("TOKEN_A_ADDRESS")
            known = TOKENS.get(pool["chain"], {}).get(pool["quote"], ("", 0))[0].lower()
            of_quote = a is not None and (a.value or "").lower() == known
            share = 1 - ratio if of_quote else ratio
            self._result.put("spec.inventory.targetBaseShareBps", bps(share), origin)

    @staticmethod
    def _base_is_token0(pool: dict[str, Any]) -> bool:
        known = TOKENS.get(pool["chain"], {})
        if pool["base"] not in known or pool["quote"] not in known:
            return False
        return int(known[pool["base"]][0], 16) < int(known[pool["quote"]][0], 16)

    def _decisions(self) -> None:
        self._model_kind()
        fraction: Callable[[Decimal], Any] = bps
        self._copy("spec.model.riskAversion", float, "RISK_AVERSION", "INVENTORY_RISK_AVERSION")
        self._copy("spec.model.inventoryPenalty", float, "INVENTORY_PENALTY")
        if {"RISK_AVERSION", "INVENTORY_PENALTY"} & self._used:
            self._note(
                "risk aversion and inventory penalty had no unit; here they are per quote token, "
                "so their effect differs: compare with `alp explain`"
            )
        self._copy("spec.model.executionCostBps", fraction, "EXECUTION_COST")
        self._window()
        self._copy("spec.ranges.baseSpreadBps", fraction, "BASE_SPREAD")
        self._copy("spec.ranges.minWidthBps", percent_to_bps, "MIN_RANGE_PERCENTAGE")
        self._copy("spec.ranges.maxWidthBps", percent_to_bps, "MAX_RANGE_PERCENTAGE")
        self._widths()
        names = ("REBALANCE_THRESHOLD", "MAX_INVENTORY_DEVIATION")
        self._copy("spec.rebalance.inventoryDeviationBps", fraction, *names)
        self._copy("spec.rebalance.priceMoveBps", fraction, *names)

    def _copy(self, where: str, unit: Callable[[Decimal], Any], *names: str) -> None:
        found = self._number(*names)
        if found is not None:
            self._result.put(where, unit(found[0]), found[1])

    def _model_kind(self) -> None:
        found = self._text("MODEL_TYPE", "INVENTORY_MODEL")
        if found is None:
            return
        kind = MODELS.get(found[0].upper().replace("_", ""))
        if kind is None:
            self._note(f"{found[1]} is no model of alp: GLFT is left as the default")
        else:
            self._result.put("spec.model.kind", kind, found[1])

    def _window(self) -> None:
        found = self._number("VOLATILITY_WINDOW_SIZE")
        if found is None:
            return
        interval = self._number("MONITORING_INTERVAL_SECONDS")
        seconds = int(found[0] * (interval[0] if interval else 60))
        origin = f"{found[1]} points of {interval[0] if interval else 60} s"
        self._result.put("spec.model.volatility.estimator", "realised", "as the original")
        self._result.put("spec.model.volatility.window", f"{seconds}s", origin)

    def _widths(self) -> None:
        """Put the base spread between the widths, where the original would have clamped it."""
        ranges = self._result.content["spec"].get("ranges", {})
        spread = ranges.get("baseSpreadBps")
        if spread is None:
            return
        low, high = ranges.get("minWidthBps", 50), ranges.get("maxWidthBps", 2000)
        if "minWidthBps" not in ranges and spread < low:
            self._result.put("spec.ranges.minWidthBps", spread, "not above the base spread")
        elif "maxWidthBps" not in ranges and spread > high:
            self._result.put("spec.ranges.maxWidthBps", spread, "not below the base spread")
        elif not low <= spread <= high:
            clamped = min(max(spread, low), high)
            origin = self._result.origins["spec", "ranges", "baseSpreadBps"]
            self._result.put("spec.ranges.baseSpreadBps", clamped, f"{origin}, clamped")
            self._note(f"{origin} was outside the range widths: {clamped} bps, its nearest bound")

    def _venues(self) -> None:
        found = self._text("ENABLED_EXCHANGES", "EXCHANGES", "EXCHANGE_NAME", "EXCHANGE")
        if found is None:
            return
        symbol = self._text("SYMBOL", "SYMBOLS")
        kind = self._text("ASSET_TYPE")
        perpetual = (symbol is not None and "PERP" in symbol[0].upper()) or (
            kind is not None and kind[0].lower() in ("futures", "perpetual")
        )
        order = {
            key: write_decimal(size[0])
            for key, size in (
                ("minBase", self._number("MIN_ORDER_QTY", "MIN_ORDER_SIZE")),
                ("maxBase", self._number("MAX_ORDER_QTY", "MAX_ORDER_SIZE", "ORDER_SIZE_LIMIT")),
            )
            if size is not None
        }
        pool = self._result.content["spec"]["pool"]
        venues: list[dict[str, Any]] = []
        for exchange in (each.strip().lower() for each in found[0].split(",")):
            chosen = venue_of(exchange, perpetual, pool["base"], pool["quote"])
            if chosen is None:
                self._note(f"{exchange} is not an exchange alp trades on: left out")
                continue
            credentials = {"secretRef": {"name": exchange}}
            venues.append(
                {**chosen, "credentials": credentials, **({"order": order} if order else {})}
            )
        if venues:
            self._result.put("spec.hedge.enabled", True, "there are venues")
            self._result.put("spec.venues", venues, found[1])
        self._copy("spec.limits.maxOrderNotional", write_decimal, "MAX_ORDER_VALUE")

    def _left_over(self) -> None:
        """Say what became of every setting that was not converted."""
        for name, place in dict.fromkeys(
            (each.name, each.place) for each in self._all if each.secret
        ):
            self._note(
                f"{name} ({place}) holds a secret or an address with a key: not copied; put it "
                "into a secret and name that in credentials, wallet or rpcSecretRef"
            )
        told = {each.name for each in self._all if each.secret} | self._used
        plumbing, unknown = [], []
        for name in dict.fromkeys(each.name for each in self._all if each.name not in told):
            if name in WITHOUT_PLACE:
                self._note(f"{name} is not needed: {WITHOUT_PLACE[name]}")
            elif name.startswith(PLUMBING):
                plumbing.append(name)
            else:
                unknown.append(name)
        if plumbing:
            self._note(f"not settings of a strategy, left out: {', '.join(plumbing)}")
        if unknown:
            self._note(f"without a place in the manifest, left out: {', '.join(unknown)}")
