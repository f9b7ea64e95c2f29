"""A script of a chain's pathologies as a YAML file, checked as a whole.

::

    transactions:
      - {fault: lose-answer}
      - {fault: drop, after: 1, times: 2}
      - {fault: delay, blocks: 3}
      - {fault: revert, reason: STF}
      - {fault: reorg, depth: 2, blocks: 2, hold: 3}
    blocks:
      - {block: 40, fault: reorg, depth: 3, drop: true}
      - {block: 60, fault: spike, factor: 50, blocks: 20}
      - {block: 90, fault: stall, blocks: 5}
      - {block: 95, fault: disconnect}
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from alp.paper.pool.script import OF_BLOCKS, OF_TRANSACTIONS, ChainAct, ChainFault, ChainScript
from alp.strategy.document import Document, read_document
from alp.strategy.loading import read_file
from alp.strategy.problems import ManifestError, Path, Problem
from alp.strategy.suggest import nearest

MOST = 10**9
_NEEDS: dict[ChainFault, tuple[str, ...]] = {
    ChainFault.DELAY: ("blocks",),
    ChainFault.REVERT: ("reason",),
    ChainFault.REORG: ("depth", "blocks", "hold", "drop"),
    ChainFault.SPIKE: ("factor", "blocks"),
    ChainFault.STALL: ("blocks",),
}
"""The fields that a fault has besides."""
_KINDS = {
    "transactions": (OF_TRANSACTIONS, ("after", "times")),
    "blocks": (OF_BLOCKS, ("block",)),
}


def read_chain_faults(path: FilePath) -> ChainScript:
    """Read and check a file.

    Raises
    ------
    ManifestError
        If anything is wrong with it; the message names every fault that was found.
    ConfigError
        If it cannot be read.
    """
    return chain_faults_of(read_document(read_file(path), str(path)))


def chain_faults_of(document: Document) -> ChainScript:
    """Return what a parsed document says, see :func:`read_chain_faults`."""
    problems: list[Problem] = []
    script = ChainScript()

    def refuse(path: Path, message: str) -> None:
        problems.append(Problem(path, message, *(document.place(path) or ())))

    top = document.value
    if not isinstance(top, dict):
        refuse((), f"must have {' or '.join(_KINDS)}")
        top = {}
    for name, rows in top.items():
        if name not in _KINDS:
            refuse((name,), f"is not a field; there are {', '.join(_KINDS)}")
        elif not isinstance(rows, list):
            refuse((name,), "must be a list (lines that begin with -)")
        else:
            for number, row in enumerate(rows):
                act = _act(refuse, (name, number), name, row)
                if act is not None:
                    script.acts.append(act)
    if problems:
        raise ManifestError(document.name, problems)
    return script


def _act(refuse: Any, path: Path, kind: str, row: Any) -> ChainAct | None:
    faults, common = _KINDS[kind]
    names = {str(each).replace("_", "-"): each for each in faults}
    if not isinstance(row, dict):
        refuse(path, "must be a mapping (indented fields)")
        return None
    fault = names.get(str(row.get("fault")))
    if fault is None:
        near = nearest(str(row.get("fault")), names)
        hint = f"did you mean {near}?" if near else f"allowed: {', '.join(names)}"
        refuse((*path, "fault"), f"{row.get('fault')!s} is not a fault of {kind}; {hint}")
        return None
    own = (*common, *_NEEDS.get(fault, ()))
    if kind == "blocks" and fault is ChainFault.REORG:
        own = tuple(each for each in own if each != "blocks")
    more: dict[str, Any] = {}
    for name, value in row.items():
        if name == "fault":
            continue
        if name not in own:
            refuse((*path, name), f"is nothing that {row['fault']} has")
        elif name == "reason":
            more[name] = str(value)
        elif name == "drop":
            if not isinstance(value, bool):
                refuse((*path, name), f"{value!s} is neither true nor false")
            more[name] = value
        elif isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
            refuse((*path, name), f"{value!s} is not a whole number from 0 to {MOST}")
        else:
            more[name] = value
    if kind == "blocks" and "block" not in row:
        refuse((*path, "block"), "is required")
    return ChainAct(fault, **more)
