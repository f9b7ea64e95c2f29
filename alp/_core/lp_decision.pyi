from typing import Protocol

import numpy as np
import numpy.typing as npt

class _Intensity(Protocol):
    @property
    def scale(self) -> float: ...
    @property
    def decay(self) -> float: ...

class _Fees(Protocol):
    @property
    def income_quote_per_s(self) -> float: ...
    @property
    def active_liquidity(self) -> int: ...

class _Position(Protocol):
    @property
    def tick_lower(self) -> int: ...
    @property
    def tick_upper(self) -> int: ...
    @property
    def liquidity(self) -> int: ...
    @property
    def fees0(self) -> int: ...
    @property
    def fees1(self) -> int: ...

class _Seen(Protocol):
    @property
    def sqrt_price_x96(self) -> int: ...
    @property
    def tick(self) -> int: ...
    @property
    def wallet_base(self) -> int: ...
    @property
    def wallet_quote(self) -> int: ...
    @property
    def positions(self) -> tuple[_Position, ...]: ...
    @property
    def twap_tick(self) -> int | None: ...
    @property
    def cefi_inventory(self) -> int: ...
    @property
    def hedge_ratio(self) -> float: ...
    @property
    def sigma(self) -> float | None: ...
    @property
    def fees(self) -> _Fees | None: ...
    @property
    def intensity(self) -> _Intensity | None: ...
    @property
    def base_fee_wei(self) -> int: ...
    @property
    def native_mark_x96(self) -> int: ...

class Decision:
    needs_widths: bool
    refusal: str | None
    numbers: dict[str, float]
    burns: list[tuple[int, int, int, int, int]]
    swap: tuple[bool, int, int, int] | None
    mints: list[tuple[int, int, int, int, int, int, int]]
    ranges: list[tuple[bool, int, int]]
    complete: bool
    gas_wei: int
    gas_quote_raw: int

class DecisionKernel:
    def __init__(
        self,
        *,
        base_is_token0: bool,
        base_decimals: int,
        quote_decimals: int,
        fee_pips: int,
        tick_spacing: int,
        target_base_share_bps: int,
        slippage_bps: int,
        swap_to_target: bool,
        gas_units: tuple[int, int, int, int],
        priority_fee_wei: int,
        max_gas_quote_raw: int | None,
        twap_guard_bps: int | None,
    ) -> None: ...
    def set_economics(
        self,
        *,
        horizon_s: float,
        min_benefit_quote: float | None,
        margin_bps: float,
        hedge_cost_bps: float,
        hedge_ratio: float,
        lvr_weight: float,
        nodes: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64],
    ) -> None: ...
    def set_quoting(
        self,
        model: str,
        *,
        risk_aversion: float,
        execution_aversion: float,
        order_size: float,
        max_inventory: float,
        two_sided_inventory: float,
        levels: int,
        execution_cost_bps: float,
        horizon_s: float,
        scale: float,
        decay: float,
        interval_s: float,
        base_spread_bps: float,
        min_width_bps: float,
        max_width_bps: float,
    ) -> None: ...
    def decide(
        self,
        seen: _Seen,
        widths: tuple[float, float] | None = None,
        forbidden: bool = False,
        is_rebalance: bool = False,
        may_swap: bool = True,
    ) -> Decision: ...
