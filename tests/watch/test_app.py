"""The terminal view, driven by keys in terminals of several sizes."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from rich.console import Console
from textual.pilot import Pilot
from waits import run
from watch_world import LP, SECOND, T0, beat, gate, head, held, part, report, running, tell

from alp._core.order_life import OrderState
from alp._core.wire import BboMessage
from alp.bus.sources import Source
from alp.errors import ConfigError
from alp.watch.app import LEAVE, STOP, Doing, WatchApp
from alp.watch.panes import PANES, everything
from alp.watch.state import WatchState

pytestmark = pytest.mark.timed
SOON_S = 60.0
COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


class Seen:
    """The view over a state, whose clock stands until a test moves it, and what was asked."""

    def __init__(self, state: WatchState, **options: Any) -> None:
        self.state, self.now_ns = state, T0
        self.killed: list[tuple[str | None, str]] = []
        self.released: list[str | None] = []
        self.paused: list[bool] = []
        self.fails = False
        self.app = WatchApp(
            lambda **wanted: self.state.as_json(self.now_ns, **wanted),
            doing=Doing(self._pause, self._kill, self._release),
            frame_s=options.pop("frame_s", 0.2),
            **options,
        )

    async def _pause(self, parts: Any, *, paused: bool) -> list[str]:
        self.paused.append(paused)
        return [f"handler-perp is {'paused' if paused else 'no longer paused'}"]

    def _kill(self, state: str | None, reason: str) -> str:
        if self.fails:
            raise ConfigError("there is no room")
        self.killed.append((state, reason))
        return "killed: here"

    def _release(self, state: str | None) -> str:
        self.released.append(state)
        return "released: here"

    @property
    def text(self) -> str:
        """What the terminal shows."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(each.text for each in strip) for strip in strips)

    def drive(
        self, script: Callable[[Pilot[str]], Coroutine[Any, Any, None]], *size: int
    ) -> str | None:
        async def test() -> None:
            async with self.app.run_test(size=size or (80, 24)) as pilot:  # type: ignore[arg-type]
                await pilot.pause()
                await script(pilot)

        run(test(), 4 * SOON_S)
        return self.app.return_value


def busy() -> WatchState:
    state = running(
        wishes=[
            {
                "instrument": 0,
                "venue": "perp",
                "left_s": 3.0,
                "in_force": True,
                "bids": [[199_999, 50]],
                "asks": [],
            }
        ]
    )
    tell(
        state,
        "handler-perp",
        report("abcde-00000a-000001", OrderState.ACKED),
        held(500),
        report(
            "abcde-00000a-000002",
            OrderState.PARTIALLY_FILLED,
            side=-1,
            price=200_100,
            filled=20,
            last_price=200_100,
            last_quantity=20,
            trade_id="t",
        ),
    )
    tell(state, "lp-agent", LP)
    return state


async def settled(seen: Seen, pilot: Pilot[str], wanted: str) -> None:
    """Wait until the terminal shows a text."""
    end = time.monotonic() + SOON_S
    while time.monotonic() < end:
        await pilot.pause()
        if wanted in seen.text:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{wanted!r} is not in\n{seen.text}")


SHOWS = {
    "books": ["2000.00", "2000.02", "+0.50", "*0.050", "live"],
    "quotes": ["1999.99", "0.050", "000001"],
    "inventory": ["WETH", "0.500", "-1.500000", "combined, h = 0.5", "-0.250000"],
    "pnl": ["no position server"],
    "orders": ["partially filled", "2001.00", "USDC", "maker"],
    "gates": ["binance-usdm-perp", "active"],
    "feeds": ["binance-usdm ETHUSDC", "handler-perp"],
    "parts": ["quotes", "4711", "ready"],
    "log": ["everything is ready"],
}


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_every_pane_by_its_number_and_by_the_arrow_keys(size: tuple[int, int]) -> None:
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        for number, name in enumerate(PANES, 1):
            await pilot.press(str(number))
            for wanted in SHOWS[name]:
                await settled(seen, pilot, wanted)
            lines = seen.text.splitlines()
            assert len(lines) == size[1]
            assert all("Books" in lines[1] for _ in lines[:1])
            assert "q quit" in lines[-1]
        await pilot.press("right")
        await settled(seen, pilot, SHOWS["books"][0])
        await pilot.press("left")
        await settled(seen, pilot, SHOWS["log"][0])
        await pilot.press("q")

    assert seen.drive(script, *size) == LEAVE


def test_a_terminal_that_changes_its_size_is_drawn_anew() -> None:
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        await pilot.resize_terminal(120, 30)
        await settled(seen, pilot, "2000.02")
        assert len(seen.text.splitlines()) == 30
        await pilot.resize_terminal(40, 10)
        await settled(seen, pilot, "perp")
        assert len(seen.text.splitlines()) == 10

    seen.drive(script)


def test_what_is_old_is_shown_as_stale_with_its_age_and_never_as_live() -> None:
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        await settled(seen, pilot, "live")
        seen.now_ns = T0 + 42 * SECOND
        await settled(seen, pilot, "STALE")
        await settled(seen, pilot, "silent for 42 s")
        assert "live" not in seen.text
        assert "2000.02" not in seen.text
        await pilot.press("6")
        await settled(seen, pilot, "unknown")
        assert "active" not in seen.text
        tell(seen.state, "quotes", beat(Source.QUOTES), now_ns=seen.now_ns)
        tell(seen.state, "lp-agent", beat(Source.LP_AGENT), now_ns=seen.now_ns)
        tell(seen.state, "handler-perp", gate(), beat(32), now_ns=seen.now_ns)
        seen.state.read({**seen.state.pages}, seen.now_ns, seen.now_ns)
        await settled(seen, pilot, "active")
        assert "STALE" not in seen.text

    seen.drive(script)


def test_the_kill_switch_is_set_only_after_yes() -> None:
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        for answer in ("n", "escape", "q"):
            await pilot.press("k")
            await settled(seen, pilot, "KILL tried paper?")
            await pilot.press("enter", "k", "p", "right", answer)
            await settled(seen, pilot, "nothing was done")
            assert len(seen.app.screen_stack) == 1
        assert (seen.killed, seen.paused) == ([], [])
        await pilot.press("k")
        await settled(seen, pilot, "KILL tried paper?")
        await pilot.press("y")
        await settled(seen, pilot, "killed: here")
        assert seen.killed == [("/nowhere/state", "by a key of the view")]
        await pilot.press("r")
        await settled(seen, pilot, "RELEASE tried paper?")
        await pilot.press("y")
        await settled(seen, pilot, "released: here")
        assert seen.released == ["/nowhere/state"]

    seen.drive(script)


def test_a_kill_switch_that_cannot_be_set_is_told_loudly() -> None:
    seen = Seen(busy())
    seen.fails = True

    async def script(pilot: Pilot[str]) -> None:
        await pilot.press("k", "y")
        await settled(seen, pilot, "IT FAILED: there is no room")

    seen.drive(script)


def test_p_pauses_and_pressed_again_goes_on() -> None:
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        await pilot.press("p")
        await settled(seen, pilot, "handler-perp is paused")
        await settled(seen, pilot, "PAUSE ASKED")
        await pilot.press("p")
        await settled(seen, pilot, "no longer paused")
        assert seen.paused == [True, False]

    seen.drive(script)


def test_help_and_themes() -> None:
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        await pilot.press("question_mark")
        await settled(seen, pilot, "any key closes this")
        await pilot.press("x")
        await settled(seen, pilot, "2000.02")
        before = seen.app.theme
        for _ in range(4):
            await pilot.press("t")
            await settled(seen, pilot, "2000.02")
        assert seen.app.theme == before

    seen.drive(script)


def test_a_storm_of_messages_is_drawn_a_few_times_a_second() -> None:
    seen = Seen(busy(), frame_s=0.25)

    async def script(pilot: Pilot[str]) -> None:
        before, loop = seen.app.frames, asyncio.get_running_loop()
        begun, count = loop.time(), 0
        while loop.time() - begun < 1.5:
            for _ in range(200):
                count += 1
                bid = 200_000 + count
                tell(seen.state, "quotes", BboMessage(head(sequence=count), bid, 1, bid + 2, 1))
            await asyncio.sleep(0)
        drawn = seen.app.frames - before
        assert count > 1_000
        assert drawn <= (loop.time() - begun) / 0.25 + 2

    seen.drive(script)


def test_control_c_stops_only_a_system_of_ones_own() -> None:
    async def script(pilot: Pilot[str]) -> None:
        await pilot.press("ctrl+c")

    assert Seen(busy()).drive(script) == LEAVE
    assert Seen(busy(), owns=True).drive(script) == STOP


def test_the_view_of_ones_own_system_ends_with_it() -> None:
    ended = False
    seen = Seen(busy(), owns=True, over=lambda: ended)

    async def script(pilot: Pilot[str]) -> None:
        nonlocal ended
        await settled(seen, pilot, "2000.02")
        ended = True
        await asyncio.sleep(0.3)

    assert seen.drive(script) == STOP


def test_with_no_color_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    seen = Seen(busy())

    async def script(pilot: Pilot[str]) -> None:
        await settled(seen, pilot, "2000.02")
        styles = [
            each.style for strip in seen.app.screen._compositor.render_strips() for each in strip
        ]
        colours = [each.color for each in styles if each] + [
            each.bgcolor for each in styles if each
        ]
        assert all(each is None or each.is_default for each in colours)

    seen.drive(script)


def test_profit_is_shown_with_what_it_came_from_and_any_other_page_as_it_is() -> None:
    ledger = {
        "positions": {"accounts": {"perp": {"doubts": ["a trade is missing"]}}},
        "pnl": {
            "quote": "USDC",
            "nav": "4900.1234567",
            "profit": "12.5",
            "attribution": {"fees": "20.5", "lvr": "-8"},
            "holdings": [{"asset": "WETH", "quantity": "1.5", "cost": None}],
        },
    }
    there = [part("positions", "positions")]
    seen = Seen(running(parts=there, ledger=ledger))

    async def script(pilot: Pilot[str]) -> None:
        await pilot.press("4")
        for wanted in ("4900.123456…", "fees", "-8", "holdings[0].asset", "a trade is missing"):
            await settled(seen, pilot, wanted)

    seen.drive(script)
    odd = everything(running(parts=there, ledger={"pnl": {"something": [1]}}).as_json(T0), 80)
    console = Console(file=io.StringIO(), width=80)
    console.print(odd)
    assert isinstance(console.file, io.StringIO)
    assert "something[0]" in console.file.getvalue()


def test_a_flood_of_orders_is_cut_and_says_by_how_much() -> None:
    state = running()
    for number in range(300):
        tell(state, "handler-perp", report(f"o{number}", OrderState.ACKED, price=100_000 + number))
    console = Console(file=io.StringIO(), width=120)
    console.print(everything(state.as_json(T0), 120))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("and 240 more") == 2
    [book] = state.as_json(T0)["books"]
    assert len(book["bids"]) <= 10 + 32


def test_before_anything_is_known_every_pane_says_so() -> None:
    seen = Seen(WatchState())

    async def script(pilot: Pilot[str]) -> None:
        for number in range(1, len(PANES) + 1):
            await pilot.press(str(number))
            await pilot.pause()
        await pilot.press("1")
        await settled(seen, pilot, "no book was heard of yet")
        await settled(seen, pilot, "not asked yet")

    seen.drive(script)


def test_one_look_as_text_has_all_panes() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(everything(busy().as_json(T0), 120))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for name, (title, _) in PANES.items():
        assert title.upper() in text
        assert all(wanted in text for wanted in SHOWS[name]), name
    assert not COLOUR.search(text)
