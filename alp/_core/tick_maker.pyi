from alp._core.arrivals import ArrivalEstimator
from alp._core.maker import MarketMaker
from alp._core.tick_replay import TickReplay

class TickMarketMaker:
    maker: MarketMaker
    arrivals: ArrivalEstimator
    def __init__(
        self,
        maker: MarketMaker,
        arrivals: ArrivalEstimator,
        *,
        scale: float = ...,
        decay: float = ...,
        held_elsewhere: int = 0,
        stands: bool = False,
    ) -> None: ...
    def run(self, replay: TickReplay, step_ns: int) -> None: ...
    @property
    def decisions(self) -> tuple[int, int]: ...
