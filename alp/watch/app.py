"""The terminal view: draws what is known a few times a second, and does what keys ask for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Static, TabbedContent, TabPane

from alp.errors import AlpError
from alp.watch import control
from alp.watch.panes import PANES, PLAIN, Frame, Palette, headline
from alp.watch.screens import Confirm, Help

FRAME_S = 0.25
"""Between two frames, whatever comes meanwhile."""
LEVELS = 40
LEAVE, STOP = "leave", "stop"
THEMES = ("textual-dark", "textual-light", "nord", "ansi-dark")


@dataclass
class Doing:
    """What the keys do; tests put other things here.

    Attributes
    ----------
    pause
        Takes the parts and whether they shall be paused; returns what each answered.
    kill, release
        Take the folder of state; return what is to be said.
    """

    pause: Callable[..., Any] = control.pause
    kill: Callable[[str | None, str], str] = control.kill
    release: Callable[[str | None], str] = control.release


class WatchApp(App[str]):
    """Ends with :data:`LEAVE` where only the view is left, or :data:`STOP`.

    Parameters
    ----------
    look
        Returns what is known now, see :meth:`alp.watch.state.WatchState.as_json`.
    reading
        What keeps that up to date, run beside the view.
    over
        Whether there is nothing to be looked at any more, so that the view ends by itself.
    owns
        Whether Ctrl-C is meant for the system too.

    Attributes
    ----------
    frames
        So many were drawn.
    """

    TITLE = "alp"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: 1; }
    #said { height: auto; max-height: 4; display: none; }
    #said.-shown { display: block; }
    TabbedContent { height: 1fr; }
    TabPane { padding: 0; }
    VerticalScroll { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "pause"),
        Binding("k", "kill", "kill"),
        Binding("r", "release", "release"),
        Binding("n", "book", "next book"),
        Binding("t", "theme", "theme"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q", "leave", "quit the view"),
        Binding("ctrl+c", "stop", show=False, priority=True),
        Binding("left", "pane(-1)", show=False, priority=True),
        Binding("right", "pane(1)", show=False, priority=True),
        *(
            Binding(str(number), f"show('{name}')", show=False)
            for number, name in enumerate(PANES, 1)
        ),
    ]

    def __init__(
        self,
        look: Callable[..., dict[str, Any]],
        reading: Callable[[], Any] | None = None,
        *,
        over: Callable[[], bool] = lambda: False,
        owns: bool = False,
        doing: Doing | None = None,
        frame_s: float = FRAME_S,
    ) -> None:
        no_color = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if no_color else None)
        self._look, self._reading, self._over, self._owns = look, reading, over, owns
        self._doing = doing or Doing()
        self._frame_s = frame_s
        self._plain = no_color
        self._chosen = 0
        self._last_lines: list[str] = []
        self.paused = False
        self.frames = 0
        self.seen: Mapping[str, Any] = {}

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        yield Static(id="head")
        with TabbedContent(initial="books"):
            for name, (title, _) in PANES.items():
                with TabPane(title, id=name), VerticalScroll():
                    yield Static(id=f"{name}-pane")
        yield Static(id="said")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read and to draw."""
        if self._reading is not None:
            self.run_worker(self._reading(), exit_on_error=True)
        self.set_interval(self._frame_s, self._tick)
        self._base.query_one(TabbedContent).active = "books"
        self._tick()

    def _tick(self) -> None:
        if self._over():
            self.exit(STOP)
            return
        self._draw()

    @property
    def _base(self) -> Screen[Any]:
        """The screen below whatever question is open."""
        return self.screen_stack[0]

    @property
    def _drawable(self) -> bool:
        """Whether there are widgets: not before the beginning, and not at the end."""
        return bool(self._running and self.screen_stack and self._base.query("#said"))

    @property
    def palette(self) -> Palette:
        """Styles of the theme that is shown."""
        if self._plain:
            return PLAIN
        theme = self.current_theme
        if theme.ansi:
            return Palette("green", "bold red", "yellow", "dim", "reverse", "green", "red", "bold")
        good, bad = theme.success or "green", theme.error or "red"
        warn = theme.warning or "yellow"
        return Palette(good, f"bold {bad}", warn, "dim", "reverse", good, bad, "bold")

    def _draw(self) -> None:
        """Draw what is seen: the head, and the one pane that is open."""
        if not self._drawable:
            return
        self.frames += 1
        look = self.seen = self._look(levels=LEVELS)
        palette, name = self.palette, self._base.query_one(TabbedContent).active or "books"
        self._base.query_one("#head", Static).update(headline(look, palette, paused=self.paused))
        pane = self._base.query_one(f"#{name}-pane", Static)
        scroll = pane.parent
        assert isinstance(scroll, VerticalScroll)
        follows = name == "log" and scroll.scroll_y >= scroll.max_scroll_y
        if name == "log" and self._last_lines == look["lines"]:
            return
        pane.update(PANES[name][1](look, Frame(palette, self.size.width, self._chosen)))
        if name == "log":
            self._last_lines = list(look["lines"])
            if follows:
                self.call_after_refresh(scroll.scroll_end, animate=False)

    def on_resize(self, _: Resize) -> None:
        """Draw at once where the terminal is another size."""
        self._redraw()

    def on_tabbed_content_tab_activated(self, _: TabbedContent.TabActivated) -> None:
        """Draw the pane that was opened; up and down scroll it."""
        self._redraw()
        scroll = self._base.query_one(
            f"#{self._base.query_one(TabbedContent).active}-pane", Static
        ).parent
        assert isinstance(scroll, VerticalScroll)
        scroll.focus()

    def _redraw(self) -> None:
        self._last_lines = []
        self._draw()

    # keys

    def action_show(self, name: str) -> None:
        """Open a pane."""
        self._base.query_one(TabbedContent).active = name

    def action_pane(self, step: int) -> None:
        """Open the next pane, or the one before."""
        if len(self.screen_stack) > 1:
            return
        names = list(PANES)
        here = names.index(self._base.query_one(TabbedContent).active or names[0])
        self.action_show(names[(here + step) % len(names)])

    def action_book(self) -> None:
        """Show the ladder of the next book."""
        self._chosen += 1
        self._redraw()

    def action_theme(self) -> None:
        """Show other colours."""
        here = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(here + 1) % len(THEMES)]
        self._redraw()

    def action_help(self) -> None:
        """Say what the keys do."""
        self.push_screen(Help())

    def action_leave(self) -> None:
        """Leave the view; the system goes on."""
        self.exit(LEAVE)

    def action_stop(self) -> None:
        """Leave the view, and where the system is one's own, stop it."""
        self.exit(STOP if self._owns else LEAVE)

    def action_pause(self) -> None:
        """Let the handlers add nothing any more, or go on."""
        self.run_worker(self._pause(), exclusive=True, group="pause")

    async def _pause(self) -> None:
        parts: Sequence[Mapping[str, Any]] = self.seen.get("parts", [])
        wanted = not self.paused
        self.say("asking the handlers", bad=False)
        answers = await self._doing.pause(parts, paused=wanted)
        self.paused = wanted and any(each.endswith("is paused") for each in answers)
        failed = not answers or any("paused" not in each or "cannot" in each for each in answers)
        self.say("; ".join(answers) or "there is no handler to pause", bad=failed)

    def action_kill(self) -> None:
        """Set the kill switch, when that is confirmed."""
        self.push_screen(
            Confirm(
                f"KILL {self._system()}?",
                "Every open order is cancelled, and nothing else leaves until it is released.",
            ),
            lambda yes: self._switched(yes, self._kill_it),
        )

    def action_release(self) -> None:
        """Take the kill switch back, when that is confirmed."""
        self.push_screen(
            Confirm(
                f"RELEASE {self._system()}?", "Orders may leave again, as soon as they are wished."
            ),
            lambda yes: self._switched(yes, self._doing.release),
        )

    def _system(self) -> str:
        system = self.seen["system"]
        return f"{system['strategy'] or 'the system'} {system['mode'] or ''}".strip()

    def _kill_it(self, state: str | None) -> str:
        return self._doing.kill(state, "by a key of the view")

    def _switched(self, yes: bool | None, how: Callable[[str | None], str]) -> None:
        if yes:
            self.run_worker(self._switch(how), group="switch")
        else:
            self.say("nothing was done", bad=False)

    async def _switch(self, how: Callable[[str | None], str]) -> None:
        try:
            said = await asyncio.to_thread(how, self.seen["system"]["state"])
        except (AlpError, OSError) as error:
            self.say(f"IT FAILED: {error}", bad=True)
            return
        self.say(said, bad=False)

    def say(self, text: str, *, bad: bool) -> None:
        """Say something above the keys, until something else is said."""
        if not self._drawable:
            return
        said = self._base.query_one("#said", Static)
        said.update(Text(text, style=self.palette.bad if bad else self.palette.warn))
        said.add_class("-shown")
