"""What a manager did over a run of jobs, as the page and the JSON document show it.

Returns `Adapted`, a plain value of tables, evidence and findings that whoever ran the jobs fills in.

| table | a row for each |
|---|---|
| policies | policy, and oracle: energy of a job, jobs late, over power, below accuracy; accuracy, changes of setting |
| points | operating point: time, power, energy, accuracy, and the share of jobs that the first policy ran there |
| jobs | job of the first policy: what was asked for, what slowed it down, the point, what came of it |

>>> found = Adapted("demo", "200 jobs", "sarto adapt ladder.csv", (), (), {}, {})
>>> Adapted.from_json(found.to_json()) == found
True
"""

from __future__ import annotations

from sarto.report.told import Told


class Adapted(Told):
    """A run of jobs; `evidence` are figures of the first policy."""

    FORMAT = "sarto-adaptation/1"
