from collections.abc import Callable
from typing import Any

from picows import WSFrame, WSListener, WSTransport

from alp._core.feed import Feed
from alp._core.market_publisher import Lane

MOST_BYTES: int

class MarketListener(WSListener):
    @property
    def feed(self) -> Feed: ...
    @property
    def lane(self) -> Lane | None: ...
    @property
    def frame_ns(self) -> int: ...
    @property
    def frames(self) -> int: ...
    def __init__(
        self,
        feed: Feed,
        lane: Lane | None,
        events: Any,
        tap: Callable[[int, bytes], None] | None = None,
    ) -> None: ...
    def on_ws_connected(self, transport: WSTransport) -> None: ...
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None: ...
    def on_ws_disconnected(self, transport: WSTransport) -> None: ...
    def idle_ns(self) -> int: ...
