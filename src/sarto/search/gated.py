"""Gates on the points of a search: a point that fails one is not chosen.

Gates look at items that no step learned from and no test sees: those held out by the folds of `sarto fit`, the
validation items of `sarto compress`. Returns `Gated`, which judges what a point says of these items. Gates of faults
are asked of what is built (`sarto.search.faulty`).

>>> gated = Gated.of(["accuracy >= 90% @ support=0.2"], {"sex": np.array(["f", "f", "m", "m", "m"])}, ["a"] * 5)
>>> gated.evidence(["a", "b", "a", "a", "a"], None, "sarto fit").value
1.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from sarto.audit.gates import Gate, Judged, failing, read_gate
from sarto.audit.group_tables import GroupSettings
from sarto.audit.of_groups import audit_groups
from sarto.core.dataset import Dataset
from sarto.core.evidence import Evidence
from sarto.data.examples import Examples, of_images
from sarto.data.predictions import Predictions
from sarto.search.predicted import named
from sarto.search.shrink_folder import ShrinkRequest

CLASS = "class"
"""The column of the true class, which makes groups where there is no other."""


@dataclass(frozen=True, eq=False)
class Gated:
    """Gates, and the items that they look at: what is known of them, and their true classes."""

    gates: tuple[Gate, ...]
    groups: tuple[str, ...]
    columns: Mapping[str, Shaped[np.ndarray, " item"]]
    target: Shaped[np.ndarray, " item"]

    @staticmethod
    def of(
        texts: Sequence[str],
        columns: Mapping[str, Shaped[np.ndarray, " item"]],
        target: Sequence[str],
        groups: Sequence[str] = (),
    ) -> Gated:
        """Return the gates that `texts` say.

        Raises:
            SartoError: E161, a gate that cannot be read.
        """
        return Gated(tuple(map(read_gate, texts)), tuple(groups), columns, np.array(target))

    def judged(self, said: Sequence[str], original: Sequence[str] | None) -> tuple[Judged, ...]:
        """Return what the gates say of a point: `said` of each item, and by the network given, if there is one.

        Raises:
            SartoError: as `audit_groups`; E161, a gate of a gain where no network was given.
        """
        columns = {CLASS: self.target, **self.columns}
        rows = Predictions(
            "the held-out items",
            self.target,
            np.array(said),
            None if original is None else np.array(original),
            columns if self.groups else self.columns or columns,
            None,
            {"target": CLASS, "model": "this point", "original": "the network given"},
        )
        return audit_groups(rows, GroupSettings(groups=self.groups), self.gates).judged

    def evidence(self, said: Sequence[str], original: Sequence[str] | None, command: str) -> Evidence:
        """Return how many gates a point fails, and in words what was found of those."""
        return failing(self.judged(said, original), len(self.target), command)


def gated_by(request: ShrinkRequest, gates: Sequence[str], held: Examples) -> Gated | None:
    """Return `gates` of a request to shrink on the items `held`; None without gates.

    Raises:
        SartoError: as `Gated.of`, and what reading the data and the table of groups says.
    """
    if not gates:
        return None
    columns: dict[str, Shaped[np.ndarray, " item"]] = {}
    if not of_images(request.data):
        from sarto.data.load import load

        assert held.rows is not None
        known = columns_of(load(request.data), request.gate_table)
        columns = {name: values[held.rows] for name, values in known.items()}
    return Gated.of(gates, columns, named(held.classes, held.y), request.gate_groups)


def columns_of(data: Dataset, table: str | None) -> dict[str, Shaped[np.ndarray, " item"]]:
    """Return what makes groups of items: their columns, what their signals say, and what `table` knows of them."""
    from sarto.audit.attributes import attributes
    from sarto.data.joined import joined

    found: dict[str, Shaped[np.ndarray, " item"]] = {**data.metadata, **attributes(data)}
    return found if table is None else {**found, **joined(found, table)}
