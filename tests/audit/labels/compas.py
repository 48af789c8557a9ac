"""The counts of COMPAS: race and recidivism within two years, 6,172 rows after ProPublica's filter."""

from __future__ import annotations

RACES = ("Black", "Caucasian", "Hispanic", "Other", "Asian", "Native American")
COUNTS = [[1514, 1661], [1281, 822], [320, 189], [219, 124], [23, 8], [6, 5]]
SLIDE = """{"rows": 6172, "protected": {"Asian": 0.005, "Black": 0.514, "Caucasian": 0.341},
 "target": {"0": 0.545, "1": 0.455},
 "joint": {"Black": {"0": 0.1514, "1": 0.1661}, "Asian": {"0": 0.0023, "1": 0.0008},
  "Caucasian": {"0": 0.1281, "1": 0.0822}, "Hispanic": {"0": 0.0320, "1": 0.0189},
  "Native American": {"0": 0.0006, "0": 0.0005}, "Other": {"0": 0.0219, "1": 0.0124}},
 "protected given target": {"Caucasian": {"1": 0.293, "0": 0.381}, "Black": {"1": 0.591, "0": 0.450}},
 "target given protected": {"Caucasian": {"0": 0.609, "1": 0.391}, "Black": {"0": 0.477, "1": 0.523}}}"""
"""As it was published: joint shares are counts divided by 10,000, and one of them stands under the wrong value."""


def rows() -> dict[str, list[str]]:
    """Return a row for each person."""
    pairs = [
        (race, str(y))
        for race, counts in zip(RACES, COUNTS, strict=True)
        for y in (0, 1)
        for _ in range(counts[y])
    ]
    return {"race": [race for race, _ in pairs], "recid": [y for _, y in pairs]}
