"""Rebuilding from what venue and chain say: what history does not explain is adopted, and said so.

Whoever lost the ledger reads what there still is to read (trades, ledger lists, logs), applies it,
and then adopts the difference to the balances that venue and chain tell. The cost of what was
adopted is unknown: it counts as its mark, and the holding says that its basis is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from alp.ledger.accounts import OWN, Account
from alp.ledger.events import Adoption, own_proof


def adoptions(
    actual: Mapping[Account, int], booked: Mapping[Account, int], at_ns: int
) -> list[Adoption]:
    """Return what brings the books to what was read.

    Parameters
    ----------
    actual
        Balances as read; an account of ours that is missing here is left as it is booked.
    booked
        Balances in the books.
    at_ns
        When they were read. Adopting the same reading again is no second event.
    """
    made = []
    for account, amount in sorted(actual.items()):
        if account.kind not in OWN:
            raise ValueError(f"{account} is not an account of ours")
        difference = amount - booked.get(account, 0)
        if difference:
            stated = f"{account}|{difference}|{at_ns}"
            proof = own_proof("adoption", sha256(stated.encode()).hexdigest()[:32])
            made.append(Adoption(proof, at_ns, account.place, account.asset, difference))
    return made
