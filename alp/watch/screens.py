"""What the view lays over its panes: a question, and what the keys do."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = """\
left right tab  next pane          1 to 9  a pane by its number
up down page    scroll             n       ladder of the next book
p  pause: handlers cancel what rests, add nothing; again: go on
k  kill: cancel everything, latched; asks first
r  release the kill switch; asks first
t  other colours; NO_COLOR=1 in the environment: none
q  quit the view; the system goes on
Ctrl-C  the same; in `alp paper --watch`: stop all in order

STALE with an age: nothing newer came; it may not be true.
* own orders, in the ladder.    > before an age: at least.

any key closes this"""

BOX = """
    {name} {{ align: center middle; }}
    {name} > Vertical {{
        width: auto; max-width: 90%; height: auto; max-height: 90%;
        border: round $foreground; padding: 0 1; background: $surface;
    }}
    {name} Static {{ width: auto; max-width: 100%; }}
"""


class Confirm(ModalScreen[bool]):
    """Asks whether something is meant; only `y` is yes."""

    CSS = BOX.format(name="Confirm")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)"),
        Binding("n,escape,q", "answer(False)"),
    ]

    def __init__(self, question: str, what: str) -> None:
        super().__init__()
        self._question, self._what = question, what

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with Vertical():
            yield Static(Text(self._question, style="bold"))
            yield Static(Text(self._what))
            yield Static(Text("y: yes    n: no"))

    def action_answer(self, yes: bool) -> None:
        """Close with an answer."""
        self.dismiss(yes)


class Help(ModalScreen[None]):
    """Says what the keys do, until any is pressed."""

    CSS = BOX.format(name="Help")

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with Vertical():
            yield Static(Text(KEYS))

    def on_key(self) -> None:
        """Close."""
        self.dismiss()
