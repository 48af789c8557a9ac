"""What a manager did over a run of jobs, as the page and the JSON document show it.

Returns `Adapted`, a plain value of tables, evidence and findings that whoever ran the jobs fills in.

| table | a row for each |
|---|---|
| policies | policy and oracle: energy, jobs late, over power, below accuracy, accuracy, changes; and over the oracle |
| points | operating point: time, power, energy, accuracy, and the share of jobs that the first policy ran there |
| jobs | job of the first policy: what was asked for, slowdown, heat, second model, the point, what came of it |

>>> found = Adapted("demo", "200 jobs", "sarto adapt ladder.csv", (), (), {}, {})
>>> Adapted.from_json(found.to_json()) == found
True
"""

from __future__ import annotations

from sarto.report.told import Told

ORACLE = "oracle of "
"""What the name of an oracle begins with; that of its policy follows."""
MORE = ("more_energy", "more_late", "more_over", "more_accuracy", "more_below")
"""Columns of policies over the oracle: energy as a share of its energy, all else as differences of shares."""


class Adapted(Told):
    """A run of jobs; `evidence` are figures of the first policy."""

    FORMAT = "sarto-adaptation/1"
