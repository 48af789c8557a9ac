"""The label of a data set: who is in it, and how what is to be learned depends on who one is.

>>> made = label({"sex": ["f"] * 50 + ["m"] * 50, "y": [1] * 20 + [0] * 30 + [1] * 30 + [0] * 20}, ["sex"], "y")
>>> round(made.parts[0].dependence.C, 4)
0.1961
"""

from __future__ import annotations

from sarto.audit.labels.check import Check, Published, Share, check, of_part
from sarto.audit.labels.croissant import File, croissant
from sarto.audit.labels.findings import findings
from sarto.audit.labels.label import Label, Part, label
from sarto.audit.labels.published import read_published
from sarto.audit.labels.tables import document, evidence, tables
from sarto.audit.labels.values import Bins, read_bins

__all__ = [
    "Bins", "Check", "File", "Label", "Part", "Published", "Share", "check", "croissant", "document", "evidence",
    "findings", "label", "of_part", "read_bins", "read_published", "tables",
]  # fmt: skip
