"""One account under the position server's eyes: beginning, trades, drop copy and gate."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from hashlib import sha256

from alp._core.wire import ExecutionReportMessage
from alp.errors import DataError, RpcError, VenueError
from alp.ledger.accounts import Account
from alp.ledger.adoption import adoptions
from alp.ledger.assets import Assets
from alp.ledger.books import Snapshot
from alp.ledger.events import Adjustment, Adoption, Event, Proof, own_proof
from alp.ledger.reconcile import Difference
from alp.services.position.accounts import VenueAccount
from alp.services.position.booking import Booker
from alp.services.position.drop_copy import DropCopy, DropRules, after
from alp.services.position.handler_link import HandlerLink
from alp.services.position.intake import Intake, Trades
from alp.services.position.venue_reader import Reading, VenueReader

logger = logging.getLogger(__name__)

SECOND = 10**9
LOOK_BACK_NS = 600 * SECOND
"""What an account traded so long before it was adopted is booked as trades."""
CATCH_UP_NS = 3600 * SECOND
"""From so long before the newest booked trade the venue's list is read at a start."""
POLL_S = 0.5
GATE_S = 0.25
TRY_AGAIN_S = 1.0


class KeptAccount:
    """Keeps the ledger of one account true.

    Parameters
    ----------
    accept
        Why differences in what the account has are booked at the start; empty: they are not.

    Attributes
    ----------
    trouble
        Why its venue's word is not known; empty: it is.
    readings
        How many readings were compared.
    compared_ns
        When the last one was, by the monotonic clock.
    """

    def __init__(
        self,
        account: VenueAccount,
        assets: Assets,
        booker: Booker,
        reader: VenueReader,
        rules: DropRules,
        accept: str = "",
    ) -> None:
        self.account = account
        self.intake = Intake(account, assets)
        self.drop_copy = DropCopy(account, assets, rules)
        self.trouble = "the venue has not been read yet"
        self.readings = 0
        self.mismatches = 0
        self.compared_ns = 0
        self.link: HandlerLink
        self._booker = booker
        self._reader = reader
        self._rules = rules
        self._accept = accept
        self._held: list[ExecutionReportMessage] = []
        self._streamed_ns = 0
        self._missed = 0

    @property
    def begun(self) -> bool:
        """Whether what there was at the beginning is booked."""
        return self.intake.begun_ns is not None

    @property
    def closing(self) -> list[str]:
        """Why the gate is to be closed; empty: it is not."""
        found = [_named(each) for each in self.drop_copy.confirmed]
        owner = f"{self.account.name}|"
        return found + [each for each in self._booker.refusals if owner in each]

    def heard(self, report: ExecutionReportMessage) -> None:
        """Take in a report of the handler."""
        if not self.begun:
            self._held.append(report)
            return
        try:
            self._booker.add(self.intake.report(report))
        except DataError as error:
            logger.error("%s", error)
            self._booker.refusals.append(f"{self.account.name}|{error.message}")

    async def run(self) -> None:
        """Begin, then hear and compare until cancelled.

        Raises
        ------
        FencedError
            If another process has taken the ledger over.
        """
        await self._begin()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll())
            group.create_task(self._compare())
            group.create_task(self._guard())

    # the beginning

    async def _begin(self) -> None:
        while True:
            try:
                await self._read_first()
            except (VenueError, RpcError) as error:
                self.trouble = error.message
                logger.warning("%s: %s", self.account.name, error)
                await asyncio.sleep(TRY_AGAIN_S)
            else:
                return

    async def _read_first(self) -> None:
        """Book what the venue lists and the ledger lacks; of an empty ledger adopt the rest."""
        await self._reader.refuse_withdrawal()
        keeper, name = self._booker.keeper, self.account.name
        marker = own_proof("begun", name)
        begun_ns = (await self._booker.work(keeper.times, [marker])).get(marker.key)
        now_ns = await self._reader.now_ns()
        since_ns = now_ns - LOOK_BACK_NS
        if begun_ns is not None:
            newest = await self._booker.work(keeper.newest_fill_ns, name)
            since_ns = max(begun_ns, (newest or begun_ns) - CATCH_UP_NS)
        reading = await self._reader.read(since_ns)
        if begun_ns is None:
            if not reading.at_rest:
                raise VenueError(f"{name}: traded while it was read, what it has is not certain")
            snapshot = await self._booker.work(keeper.snapshot)
            await self._booker.apply(self._adopted(reading, snapshot, marker))
            logger.info("%s: adopted, after %d trades", name, len(reading.trades))
        else:
            await self._catch_up(reading.events, begun_ns)
            if self._accept:
                await self._accept_differences(reading)
        self.intake.begun_ns = begun_ns if begun_ns is not None else since_ns
        self.trouble = ""
        held, self._held = self._held, []
        for each in held:
            self.heard(each)

    def _adopted(self, reading: Reading, snapshot: Snapshot, marker: Proof) -> list[Event]:
        account = self.account
        actual: dict[Account, int] = dict(reading.amounts)
        for asset, entered in reading.entry_quote.items():
            actual[account.margin(asset)] = -entered
        booked = after(reading.events, snapshot.balances)
        quote = account.products[0].market.quote.name
        return [
            *reading.events,
            *adoptions(actual, booked, reading.until_ns),
            Adoption(marker, reading.since_ns, account.place, quote, 0),
        ]

    async def _accept_differences(self, reading: Reading) -> None:
        """Book what the venue has more or less than the ledger, because a person said so."""
        if not reading.at_rest:
            raise VenueError(f"{self.account.name}: traded while it was read, nothing is accepted")
        ledger, snapshot = await self._booker.work(self._books, reading.since_ns)
        compared = self.drop_copy.compare(reading, ledger, ledger, reading.until_ns, snapshot)
        booked = after(compared.events, snapshot.balances)
        differing = {each.subject for each in compared.differences if each.closes_gate}
        places = {*reading.amounts, *(each for each in booked if each.place == self.account.place)}
        events = list(compared.events)
        for where in sorted(each for each in places if str(each) in differing):
            amount = reading.amounts.get(where, 0) - booked.get(where, 0)
            stated = f"{where}|{amount}|{snapshot.last_entries.get(where, 0)}"
            proof = own_proof("accepted", sha256(stated.encode()).hexdigest()[:32])
            logger.warning("%s: accepted: %+d: %s", where, amount, self._accept)
            events.append(
                Adjustment(proof, reading.until_ns, where.place, where.asset, amount, self._accept)
            )
        await self._booker.apply(events)

    def _books(self, since_ns: int) -> tuple[Trades, Snapshot]:
        """Return the ledger's trades and balances of one moment; in the ledger's thread."""
        keeper = self._booker.keeper
        return keeper.trades(self.account.name, since_ns), keeper.snapshot()

    async def _catch_up(self, events: Sequence[Event], begun_ns: int) -> None:
        before = self._booker.counts["booked"]
        await self._booker.apply([each for each in events if each.at_ns >= begun_ns])
        found = self._booker.counts["booked"] - before
        logger.info("%s: %d entries that were not heard", self.account.name, found)

    # what is told

    async def _poll(self) -> None:
        """Ask for every report, again and again; nothing may be lost."""
        while True:
            if await self.link.recall() and not self._streamed_ns:
                self._streamed_ns = time.time_ns()
            await asyncio.sleep(POLL_S)

    # the drop copy

    async def _compare(self) -> None:
        rules = self._rules
        while True:
            try:
                doubtful = await self._compare_once()
            except (VenueError, RpcError) as error:
                self.trouble = error.message
                logger.warning("%s: not compared: %s", self.account.name, error)
                doubtful = False
            wait_ns = rules.settle_ns if doubtful else rules.period_ns
            await asyncio.sleep(wait_ns / SECOND)

    async def _compare_once(self) -> bool:
        """Read the venue, hear what is told, and compare; return whether to look again soon."""
        intake = self.intake
        assert intake.begun_ns is not None
        now_ns = await self._reader.now_ns()
        since_ns = max(intake.begun_ns, now_ns - self._rules.window_ns)
        reading = await self._reader.read(since_ns)
        await self.link.recall()
        if self.link.missed != self._missed:
            # What the handler did not tell is in the venue's list alone.
            self._missed = self.link.missed
            self._streamed_ns = reading.until_ns
            await self._catch_up(reading.events, intake.begun_ns)
        await self._booker.flush()
        intake.stream.forget(since_ns - LOOK_BACK_NS)
        ledger, snapshot = await self._booker.work(self._books, since_ns)
        compared = self.drop_copy.compare(
            reading, ledger, intake.stream, self._streamed_ns or reading.until_ns, snapshot
        )
        if compared.events:
            await self._booker.apply(compared.events)
        before = {str(each) for each in self.drop_copy.confirmed}
        doubtful = self.drop_copy.judge(compared.differences)
        self._tell(before)
        self.readings += 1
        self.compared_ns = time.monotonic_ns()
        self.trouble = ""
        return doubtful

    def _tell(self, before: set[str]) -> None:
        now = {str(each) for each in self.drop_copy.confirmed}
        for each in sorted(now - before):
            self.mismatches += 1
            logger.error("%s: %s", self.account.name, each)
        if before and not now:
            logger.warning("%s: venue, handler and ledger agree again", self.account.name)

    async def _guard(self) -> None:
        """Keep the handler's gate closed while something does not agree."""
        while True:
            why = self.closing
            if self.link.answered and (why or self.readings):
                await self.link.say(closed=bool(why), text=why[0] if why else "")
            await asyncio.sleep(GATE_S)


def _named(difference: Difference) -> str:
    """Return a difference in few words, the entry first."""
    entry = f"entry {difference.sequence} " if difference.sequence is not None else ""
    return f"{entry}{difference.found} {difference.subject}"
