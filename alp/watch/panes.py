"""The panes of the view: a look at a system as plain values in, tables out; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import JustifyMethod

Look = Mapping[str, Any]
MOST_ROWS = 60
"""Of a table: drawing costs by rows, four times a second; the data has more."""
BAR = 10
MOST_LATEST = 20
ID_WIDTH = 18
DECIMALS = 6


@dataclass(frozen=True)
class Palette:
    """Rich styles by meaning; the default has no colour."""

    good: str = ""
    bad: str = "bold"
    warn: str = "underline"
    dim: str = "dim"
    own: str = "reverse"
    bid: str = ""
    ask: str = ""
    head: str = "bold"


PLAIN = Palette()
WIDE = 100
"""Columns from which on nothing is shortened."""


@dataclass(frozen=True)
class Frame:
    """What a pane is drawn for.

    Attributes
    ----------
    width
        Columns of the terminal.
    chosen
        The book whose ladder is shown.
    """

    palette: Palette = PLAIN
    width: int = 80
    chosen: int = 0


def table(palette: Palette, *columns: str, title: str = "") -> Table:
    """Return an empty table; a column whose name begins with ``>`` is of figures."""
    made = Table(
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style=palette.head,
        title=title or None,
        title_justify="left",
        title_style=palette.head,
    )
    for name in columns:
        justify: JustifyMethod = "right" if name.startswith(">") else "left"
        made.add_column(name.removeprefix(">"), justify=justify, overflow="ellipsis")
    return made


def age(seconds: float | None, *, least: bool = False) -> str:
    """Return a time span in a few characters."""
    if seconds is None:
        return "-"
    sign = ">" if least else ""
    if seconds < 10:
        return f"{sign}{seconds:.1f}s"
    if seconds < 120:
        return f"{sign}{seconds:.0f}s"
    if seconds < 7200:
        return f"{sign}{seconds / 60:.0f}m"
    return f"{sign}{seconds / 3600:.0f}h"


def short(amount: str) -> str:
    """Return an exact amount with at most six decimals: a token has up to eighteen."""
    whole, point, decimals = amount.partition(".")
    if len(decimals) <= DECIMALS:
        return amount
    more = "…" if decimals[DECIMALS:].strip("0") else ""
    return f"{whole}{point}{decimals[:DECIMALS]}{more}"


def aged(each: Look, palette: Palette) -> Text:
    """Return the age of a row, with the word where it may not be true any more."""
    text = age(each.get("age_s"))
    return Text(f"STALE {text}", style=palette.bad) if each.get("stale") else Text(text)


def side_text(side: str, palette: Palette) -> Text:
    """Return the side of an order in its colour."""
    return Text(side, style=palette.bid if side == "buy" else palette.ask)


def headline(look: Look, palette: Palette, *, paused: bool = False) -> Text:
    """Return the line above all panes: which system, is it right, and what is old."""
    system = look["system"]
    name = f"{system['strategy'] or 'no system'} {system['mode'] or ''}".strip()
    line = Text(name, style=palette.head)
    if system["page_age_s"] is not None:
        ready = system["ready"]
        line.append("  ready" if ready else "  NOT READY", palette.good if ready else palette.bad)
        line.append(f"  up {age(system['up_s'])}")
    for each in look["gates"]:
        word = each["gate"].upper() if each["gate"] != "active" else "active"
        style = palette.good if word == "active" else palette.bad
        line.append("  " + each["part"].removeprefix("handler-") + " ").append(word, style)
    if paused:
        line.append("  PAUSE ASKED", palette.warn)
    if not system["fresh"]:
        line.append("  STALE ", palette.bad).append("; ".join(system["stale"]), palette.bad)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


# one function for each pane


def books(look: Look, frame: Frame) -> RenderableType:
    """Return every book in a line, and the ladder of one of them."""
    palette = frame.palette
    if not look["books"]:
        return Text("no book was heard of yet", style=palette.warn)
    made = table(
        palette, "venue", "book", ">bid", ">ask", ">ticks", ">bps", ">imbal", ">upd/s", ">age"
    )
    chosen = frame.chosen % len(look["books"])
    for index, each in enumerate(look["books"]):
        state = Text("live", palette.good) if each["live"] else Text(each["why_not"], palette.bad)
        bid, ask, imbalance = each["bid"], each["ask"], each["imbalance"]
        old = not each["live"]
        made.add_row(
            ("> " if index == chosen else "  ") + each["venue"],
            state,
            "" if bid is None or old else bid[0],
            "" if ask is None or old else ask[0],
            "" if each["spread_ticks"] is None or old else str(each["spread_ticks"]),
            "" if each["spread_bps"] is None or old else f"{each['spread_bps']:.2f}",
            "" if imbalance is None or old else f"{imbalance:+.2f}",
            "" if each["updates_per_s"] is None else f"{each['updates_per_s']:.0f}",
            aged(each, palette),
        )
    return Group(made, Text(), _ladder(look["books"][chosen], frame))


def _ladder(book: Look, frame: Frame) -> RenderableType:
    palette = frame.palette
    if not book["live"]:
        return Text(f"{book['venue']}: no ladder: {book['why_not']}", style=palette.bad)
    sides = book["bids"], book["asks"]
    most = max((each["lots"] or 0 for side in sides for each in side), default=0) or 1
    bar = BAR if frame.width < WIDE else 2 * BAR
    made = table(palette, ">", ">own", ">size", ">bid", "ask", "size", "own", "")
    for row in range(max(map(len, sides))):
        cells: list[RenderableType] = []
        for index, side in enumerate(sides):
            style = palette.ask if index else palette.bid
            if row >= len(side):
                four: list[RenderableType] = ["", "", "", ""]
            else:
                each = side[row]
                own = each["own"]
                four = [
                    Text("█" * ((each["lots"] or 0) * bar // most), style=style),
                    Text("" if own is None else f"*{own}", style=palette.own),
                    "" if each["quantity"] is None else each["quantity"],
                    Text(each["price"], style=palette.own if own is not None else style),
                ]
            cells += four[::-1] if index else four
        made.add_row(*cells)
    exchange = f"{book['exchange'] or ''} {book['symbol'] or ''}".strip()
    return Group(Text(f"{book['venue']}  {exchange}  * own orders", style=palette.head), made)


def quotes(look: Look, frame: Frame) -> RenderableType:
    """Return what is wished and what rests, by price."""
    palette = frame.palette
    if not look["quotes"]:
        return Text("nothing is wished, and nothing rests")
    made = table(palette, "venue", "side", ">price", ">wished", ">resting", ">left", "id")
    for each in look["quotes"][:MOST_ROWS]:
        same = each["wished"] == each["resting"]
        wished = Text("-" if each["wished"] is None else each["wished"])
        if each["wished"] is not None and not each["in_force"]:
            wished.append(" off", palette.warn)
        made.add_row(
            each["venue"],
            side_text(each["side"], palette),
            each["price"],
            wished,
            Text(each["resting"], style=palette.good if same else palette.warn),
            Text("STALE", palette.bad) if each["stale"] else Text(age(each["left_s"])),
            " ".join(each["ids"]) or "-",
        )
    return Group(made, *_beyond(look["quotes"], palette))


def _beyond(rows: Sequence[Any], palette: Palette) -> Iterator[RenderableType]:
    """Yield how many rows are not shown."""
    if len(rows) > MOST_ROWS:
        yield Text(f"and {len(rows) - MOST_ROWS:,} more", style=palette.dim)


def inventory(look: Look, frame: Frame) -> RenderableType:
    """Return what is held at the venues, in the pool, and in sum."""
    palette = frame.palette
    held, base, quote = look["inventory"], look["system"]["base"], look["system"]["quote"]
    made = table(palette, "leg", f">{base}", f">{quote}", ">delta", ">age")
    for each in held["venues"]:
        amount = f"{each['lots']} lots" if each["base"] is None else each["base"]
        made.add_row(each["venue"], amount, "", amount, aged(each, palette))
    legs = [("pool", held["pool"])] if held["pool"] is not None else []
    legs += [(f"ledger: {each['of']}", each) for each in held["position_server"]]
    for name, leg in legs:
        raw = " raw" if leg["raw"] else ""
        amounts = [short(leg[each]) + raw for each in ("base", "quote", "delta")]
        made.add_row(name, *amounts, aged(leg, palette))
    found = held["combined"]
    style = palette.bad if found["stale"] else palette.head
    made.add_row(
        Text(f"combined, h = {found['hedge_ratio']}", style=style),
        "",
        "",
        Text(short(found["base"] or "not known"), style=style),
        Text("STALE", palette.bad) if found["stale"] else "",
    )
    rest: list[RenderableType] = [Text(each, style=palette.dim) for each in found["notes"]]
    return Group(made, Text(), *rest, *_ranges(held["ranges"], palette))


def _ranges(pool: Look | None, palette: Palette) -> Iterator[RenderableType]:
    positions = (pool or {}).get("positions") or []
    if positions:
        made = table(palette, "range", ">lower tick", ">upper tick", ">liquidity")
        for each in positions[:MOST_ROWS]:
            names = ("tick_lower", "tick_upper", "liquidity")
            made.add_row(str(each.get("id", "")), *(str(each.get(name, "-")) for name in names))
        yield made


def pnl(look: Look, frame: Frame) -> RenderableType:
    """Return what the position server says of profit, whatever that is called there."""
    palette = frame.palette
    found = look["pnl"]
    if not found["ledger"]:
        return Text(found["why_not"], style=palette.warn)
    told = dict(found["ledger"])
    page = told.pop("pnl", None) or {}
    parts: list[RenderableType] = [Text("STALE", palette.bad)] if found["stale"] else []
    known = ("nav", "profit", "realised", "unrealised")
    if "attribution" in page:
        quote = page.get("quote") or look["system"]["quote"]
        made = table(palette, "profit and what it came from", f">{quote}")
        for name in known:
            made.add_row(Text(name, palette.head), short(str(page.get(name, "-"))))
        for name, value in page["attribution"].items():
            made.add_row(f"  {name}", short(str(value)))
        parts = [*parts, made, Text()]
        page = {"holdings": page.get("holdings", []), "unpriced": page.get("unpriced", [])}
    rest = table(palette, "what", ">value")
    for name, value in list(_flat({**page, **told}))[:MOST_ROWS]:
        rest.add_row(name, str(value))
    return Group(*parts, rest)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of nested values with its path."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _flat(each, f"{name}[{index}]")
    else:
        yield name, "-" if value is None else value


def orders(look: Look, frame: Frame) -> RenderableType:
    """Return open orders, the latest trades, and what ended lately."""
    palette = frame.palette
    wide = frame.width >= WIDE
    made = table(palette, "id", "venue", "side", ">price", ">size", ">filled", "state", ">age")
    for each in look["orders"][:MOST_ROWS]:
        made.add_row(*_order_cells(each, palette, wide))
    parts: list[RenderableType] = [
        made if look["orders"] else Text("no order is open", style=palette.dim),
        *_beyond(look["orders"], palette),
    ]
    if look["trades"]:
        trades = table(palette, "trade of", "venue", "side", ">price", ">size", ">fee", "")
        for each in look["trades"][:MOST_LATEST]:
            trades.add_row(
                _short(each["client_id"], wide),
                each["venue"],
                side_text(each["side"], palette),
                each["price"],
                each["quantity"],
                f"{each['fee']} {each['fee_asset']}".strip(),
                each["liquidity"] or "",
            )
        parts += [Text(), trades]
    if look["ended_orders"]:
        ended = table(palette, "ended", "venue", "side", ">price", ">size", ">filled", "state", "")
        for each in look["ended_orders"][:MOST_LATEST]:
            ended.add_row(*_order_cells(each, palette, wide))
        parts += [Text(), ended]
    return Group(*parts)


def _order_cells(each: Look, palette: Palette, wide: bool) -> Sequence[RenderableType]:
    span = age(each["age_s"], least=each["age_is_least"])
    return (
        _short(each["client_id"], wide),
        each["venue"],
        side_text(each["side"], palette),
        each["price"],
        each["quantity"],
        each["filled"],
        each["state"].lower().replace("_", " "),
        Text(f"STALE {span}", style=palette.bad) if each["stale"] else Text(span),
    )


def _short(client_id: str, wide: bool) -> str:
    """Return an id, or in a narrow terminal its end, by which they differ."""
    return client_id if wide or len(client_id) <= ID_WIDTH else "…" + client_id[1 - ID_WIDTH :]


def gates(look: Look, frame: Frame) -> RenderableType:
    """Return what may leave, by account, and why not."""
    palette = frame.palette
    if not look["gates"]:
        return Text("no account is open here", style=palette.warn)
    made = table(palette, "account", "gate", ">age", "why")
    made.columns[-1].overflow = "fold"
    for each in look["gates"]:
        style = palette.good if each["gate"] == "active" and not each["stale"] else palette.bad
        made.add_row(
            each["account"] or each["part"],
            Text(each["gate"], style=style),
            aged(each, palette),
            "\n".join(each["reasons"]),
        )
    return made


def feeds(look: Look, frame: Frame) -> RenderableType:
    """Return the ages of the venues' feeds at the quote server, and of the parts on the bus."""
    palette = frame.palette
    made = table(palette, "venue's book", "live", ">age at the quote server")
    for each in look["feeds"]:
        live = Text("yes", palette.good) if each["live"] else Text("no", palette.bad)
        made.add_row(each["book"], live, aged(each, palette))
    bus = table(palette, "on the bus", ">age", ">messages", ">lost", ">gaps", ">restarts")
    for each in look["sources"]:
        lost = Text(f"{each['lost']:,}", style=palette.warn if each["lost"] else "")
        bus.add_row(
            each["part"],
            aged(each, palette),
            f"{each['received']:,}",
            lost,
            str(each["gaps"]),
            str(each["restarts"]),
        )
    return Group(made, Text(), bus)


def parts(look: Look, frame: Frame) -> RenderableType:
    """Return the processes."""
    palette = frame.palette
    system = look["system"]
    made = table(palette, "part", "stage", ">process", ">starts", ">up", "why")
    made.columns[-1].overflow = "fold"
    for each in look["parts"]:
        style = palette.good if each["stage"] == "ready" else palette.warn
        made.add_row(
            each["name"],
            Text(each["stage"], style=style),
            str(each["pid"] or "-"),
            Text(str(each["starts"]), style=palette.warn if each["starts"] > 1 else ""),
            age(each["up_s"]),
            "; ".join(each["reasons"]),
        )
    last = Text(f"as its page said {age(system['page_age_s'])} ago", style=palette.dim)
    return Group(made, Text(), last)


def log(look: Look, frame: Frame) -> RenderableType:
    """Return what the parts wrote last, the newest below."""
    palette = frame.palette
    if not look["lines"]:
        return Text("no line was written yet", style=palette.dim)
    found = []
    for line in look["lines"]:
        style = palette.bad if " ERROR " in line or " CRITICAL " in line else ""
        found.append(Text(line, style=palette.warn if " WARNING " in line else style))
    return Group(*found)


PANES: dict[str, tuple[str, Callable[[Look, Frame], RenderableType]]] = {
    "books": ("Books", books),
    "quotes": ("Quotes", quotes),
    "inventory": ("Inventory", inventory),
    "pnl": ("P&L", pnl),
    "orders": ("Orders", orders),
    "gates": ("Gates", gates),
    "feeds": ("Feeds", feeds),
    "parts": ("Parts", parts),
    "log": ("Log", log),
}
"""name -> (what the tab says, what draws it)."""


def everything(look: Look, width: int) -> RenderableType:
    """Return all panes below one another, without colour, for a file or a pipe."""
    first, frame = headline(look, PLAIN), Frame(width=width)
    first.no_wrap = False
    found: list[RenderableType] = [first]
    for title, draw in PANES.values():
        found += [Text(), Text(title.upper(), style=PLAIN.head), draw(look, frame)]
    return Group(*found)
