"""10,000 damaged and hostile containers give a worded error or the exact network: no crash, no hang, bounded memory.

Files of both layouts, of every form that a tensor is stored in and every coder are damaged (bits flipped, cut off,
bytes appended, moved) or made to do harm, with hashes that are right (numbers of any size or without an end, sizes
that multiply past all memory, coded symbols that are none, tables without frequencies, JSON of other kinds, names
there twice). Damage must be refused with E131 or E132 and a cause, or give the exact network. An attack must be
refused, or be a network whole in itself: written again it is the same, and torch makes it or refuses its numbers
(E122). Each is read in a process with a limit of address space; what Python and NumPy allocate is traced, and may be
24 times the parameters that are declared (numbers of 64 bits while they are decoded), 200 times the file, and 2 MiB.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks._bench import Bench
from benchmarks._guarded import CASE_S, judged
from benchmarks._hostile import ATTACKS, DAMAGE
from benchmarks._outcome import Figure, Outcome, at_least, at_most

MINUTES = 6
CASES = 910
"""Of each family; there are eleven."""
RIGHT = ("refused", "exact", "a network")


def run(bench: Bench) -> Outcome:
    """Return how many cases of each family were refused or read, and the faults."""
    figures: dict[str, Figure] = {}
    count = 12 if bench.quick else CASES
    found: list[dict[str, Any]] = bench.once({"count": count}, lambda: list(judged(count)))
    for family in (*DAMAGE, *ATTACKS):
        said = [case for case in found if case["family"] == family]
        what = Counter(case["what"] for case in said)
        bench.say(f"{family}: {dict(what)}")
        for case in said:
            if case["what"] not in RIGHT:
                bench.say(f"  case {case['number']}: {case['what']}")
        for kind in RIGHT:
            if what[kind]:
                figures[f"{family}: {kind}"] = Figure(what[kind], "files", "measured")
    faults = Counter(case["what"].split(",")[0] for case in found if case["what"] not in RIGHT)
    read = [case for case in found if case.get("declared_b")]
    most = max(
        (case["peak_b"] / case["declared_b"] for case in read if case["declared_b"] >= 1 << 13), default=0
    )
    slowest = max(case.get("seconds", CASE_S) for case in found)
    figures["peak memory over what is declared, largest"] = Figure(most, "1", "measured", len(read))
    figures["seconds of a case, largest"] = Figure(slowest, "s", "measured", len(found))
    named = ("crash", "hang", "too much memory", "another network", "exception", "not whole in itself")
    figures |= {f"faults: {name}": Figure(faults[name], "files", "measured") for name in named}
    bars = (
        at_least("files that were tried", len(found), 10_000),
        at_most("crashes, hangs and exceptions", sum(faults[k] for k in ("crash", "hang", "exception")), 0),
        at_most("files that take more memory than they may", faults["too much memory"], 0),
        at_most("damaged files that give another network", faults["another network"], 0),
        at_most("all faults", faults.total(), 0),
    )
    return Outcome(figures, () if bench.quick else bars)
