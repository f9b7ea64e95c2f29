"""The Strategy manifest: the one file that everything takes.

Sections are in :mod:`~alp.strategy.pool`, :mod:`~alp.strategy.decisions`,
:mod:`~alp.strategy.quoting`, :mod:`~alp.strategy.venues` and :mod:`~alp.strategy.simulation`; here
they become a whole, and what can only be wrong between them is checked.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from alp.models.pair import TokenPair
from alp.strategy.decisions import Hedge, Model, Ranges, Rebalance
from alp.strategy.fields import Contradiction, Label, Section
from alp.strategy.pool import Inventory, Pool, Wallet, exact_amounts
from alp.strategy.quoting import Quoting
from alp.strategy.simulation import Backtest
from alp.strategy.venues import Execution, Limits, MarketData, Venue

API_VERSION = "alp.dev/v1alpha1"
KIND = "Strategy"

Text = Annotated[str, Field(strict=True)]


class Metadata(Section):
    """Who this strategy is."""

    name: Annotated[Label, Field(max_length=52)]
    """A DNS-1123 label, unique in its namespace. Pods and client order ids are named after it."""
    namespace: Label | None = None
    """The Kubernetes namespace; alp itself does not read it."""
    labels: dict[str, Text] = Field(default_factory=dict)
    """For selecting; alp copies them to what it creates."""
    annotations: dict[str, Text] = Field(default_factory=dict)
    """Notes for people and tools."""


class Spec(Section):
    """What the strategy does. The same in a backtest, on paper and live."""

    mode: Literal["paper", "shadow", "live"] = "paper"
    """`paper` trades on simulated venues; `shadow` decides on live data and sends nothing; `live`
    trades. `alp backtest` reads none of it."""
    topology: Literal["fused", "split"] = "fused"
    """`fused` runs all parts in one process, for latency; `split` one pod for each, for
    isolation."""
    pool: Pool
    """The Uniswap V3 pool."""
    inventory: Inventory
    """The starting inventory and its target."""
    wallet: Wallet | None = None
    """The account that owns the positions; required in live mode."""
    model: Model = Model()
    """The market-making model."""
    quoting: Quoting = Quoting()
    """What the market maker lets rest at the venues."""
    ranges: Ranges = Ranges()
    """Widths of the ranges."""
    rebalance: Rebalance = Rebalance()
    """When ranges are moved."""
    hedge: Hedge = Hedge()
    """The hedge on the venues."""
    venues: Annotated[tuple[Venue, ...], Field(max_length=16)] = ()
    """The accounts that hedge."""
    market_data: MarketData = MarketData()
    """What is published of the venues' books."""
    execution: Execution = Execution()
    """How orders are sent and looked after."""
    limits: Limits = Limits()
    """What may never be exceeded."""
    backtest: Backtest = Backtest()
    """What only a backtest needs."""

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        faults = exact_amounts(self.pool, self.inventory)
        faults |= self._venue_faults() | self._share_faults() | self._live_faults()
        faults |= self._unit_faults()
        if faults:
            raise Contradiction(faults)
        return self

    def _venue_faults(self) -> dict[str, str]:
        faults = {}
        names = [venue.name for venue in self.venues]
        most = self.limits.max_venue_base
        for index, venue in enumerate(self.venues):
            if venue.name in names[:index]:
                faults[f"venues[{index}].name"] = f"{venue.name!r} is the name of another venue"
            largest = venue.order.max_base
            if most is not None and largest is not None and largest > most:
                faults[f"venues[{index}].order.maxBase"] = (
                    f"{largest} is more than limits.maxVenueBase, {most}"
                )
        if self.hedge.enabled and not self.venues:
            faults["hedge.enabled"] = "true needs at least one venue in spec.venues"
        return self._account_faults() | faults

    def _account_faults(self) -> dict[str, str]:
        """One account has one name, and trades a product once."""
        faults = {}
        for index, venue in enumerate(self.venues):
            for other in self.venues[:index]:
                if venue.name == other.name or venue.account != other.account:
                    continue
                if not venue.is_account_of(other):
                    faults[f"venues[{index}]"] = (
                        f"is another account than venue {other.name!r}, and both would be called "
                        f"{venue.account}: name another secretRef"
                    )
                elif venue.symbol == other.symbol:
                    faults[f"venues[{index}].symbol"] = (
                        f"{venue.symbol} is traded by venue {other.name!r} with the same account"
                    )
        return faults

    def _share_faults(self) -> dict[str, str]:
        given = [venue.share for venue in self.venues if venue.share is not None]
        total = sum(given, Decimal(0))
        if total > 1:
            return {"venues": f"the shares add up to {total}, which is more than 1"}
        if given and len(given) == len(self.venues) and total != 1:
            return {"venues": f"the shares add up to {total}; they must add up to 1"}
        return {}

    def _live_faults(self) -> dict[str, str]:
        if self.mode != "live":
            return {}
        needed: dict[str, object] = {"wallet": self.wallet}
        for index, venue in enumerate(self.venues):
            needed[f"venues[{index}].credentials"] = venue.credentials
        limits = self.limits
        needed["limits.maxNetBase"] = limits.max_net_base
        needed["limits.maxDrawdownBps"] = limits.max_drawdown_bps
        if self.hedge.enabled:
            needed["limits.maxVenueBase"] = limits.max_venue_base
            needed["limits.maxOrderNotional"] = limits.max_order_notional
        return {
            field: "is required in live mode" for field, value in needed.items() if value is None
        }

    def _unit_faults(self) -> dict[str, str]:
        widest, spacing = self.ranges.max_width_bps, self.pool.tick_spacing
        if widest < spacing:
            return {
                "ranges.maxWidthBps": f"{widest} is narrower than one tick spacing of the pool, "
                f"about {spacing} bps"
            }
        return {}

    def venue_shares(self) -> dict[str, Decimal]:
        """Return each venue's part of the hedge, the equal parts of the rest filled in."""
        given = sum((venue.share for venue in self.venues if venue.share is not None), Decimal(0))
        silent = sum(venue.share is None for venue in self.venues)
        equal = (1 - given) / silent if silent else Decimal(0)
        return {venue.name: equal if venue.share is None else venue.share for venue in self.venues}


class Strategy(Section):
    """A liquidity-provision strategy: what it trades, how it decides, what it may never exceed."""

    api_version: Literal["alp.dev/v1alpha1"]
    """The version of this schema."""
    kind: Literal["Strategy"]
    """What the document describes."""
    metadata: Metadata
    """Who this strategy is."""
    spec: Spec
    """What it does."""

    _source: Path | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return self.metadata.name

    @property
    def source(self) -> Path | None:
        """The file it was read from; None for a manifest that came from elsewhere."""
        return self._source

    def pair(self) -> TokenPair:
        """Return the pool's two tokens with their decimals and order."""
        return self.spec.pool.pair()

    def data_path(self, written: str) -> Path:
        """Return the file a path of the manifest means: relative ones start at its folder."""
        folder = self._source.parent if self._source is not None else Path()
        return folder / written

    def written(self) -> dict[str, Any]:
        """Return the manifest as YAML would hold it, only with the fields that were given."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)

    def effective(self) -> dict[str, Any]:
        """Return the manifest as YAML would hold it, with every default filled in."""
        return self.model_dump(mode="json", exclude_none=True)

    def fingerprint(self) -> str:
        """Return the SHA-256 (hexadecimal) of the effective spec in canonical JSON.

        Two manifests that do the same have the same fingerprint, whatever their name, comments,
        order of fields, and defaults written or left out.
        """
        content = {"apiVersion": self.api_version, "spec": self.effective()["spec"]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
