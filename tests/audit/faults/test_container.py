"""Faults in containers: none of one bit goes unnoticed, and without the hash most would."""

import numpy as np
import pytest
from jaxtyping import Int64

from sarto.audit.faults.container import ContainerSpace
from sarto.audit.faults.model import Fault
from sarto.audit.faults.verdicts import CRITICAL, DUE, MASKED
from sarto.compress.container import to_bytes
from sarto.compress.stored import Stored
from sarto.core.table import Table
from sarto.models.network.named import named

NET = named("mlp", (4,), 2, width=3, depth=1)


def written() -> tuple[bytes, Table]:
    rng = np.random.default_rng(0)
    values = {n: rng.normal(size=shape).astype(np.float32) for n, shape in NET.parameters.items()}
    return to_bytes(NET, {name: Stored.of_values(value) for name, value in values.items()})


def everywhere(of: ContainerSpace) -> Int64[np.ndarray, "fault 2"]:
    return np.array([[c, n] for c, cell in enumerate(of.cells) for n in range(cell.size)])


def test_every_flipped_bit_is_refused() -> None:
    of = ContainerSpace(*written())
    assert of.bits == len(everywhere(of)) == sum(c.size for c in of.cells) == 8 * len(of.data)
    assert set(of.judge(everywhere(of)).kinds.tolist()) == {DUE}


def test_without_the_hash_most_would_be_read_as_another_network() -> None:
    of = ContainerSpace(*written(), checked=False)
    weights = [c for c, cell in enumerate(of.cells) if cell.layer == "fc1.weight"]
    places = everywhere(of)
    kinds = of.judge(places).kinds
    assert (kinds == CRITICAL).mean() > 0.5
    assert {of.cells[c].size for c in weights} == {49}
    of_values = kinds[np.isin(places[:, 0], weights) & (places[:, 1] > 0)]
    assert (of_values == CRITICAL).all()
    hashed = (places[:, 0] < 8) & (places[:, 1] >= 4)
    assert (kinds[hashed] == MASKED).all()


@pytest.mark.parametrize("kind", ["stuck0", "stuck1"])
def test_a_stuck_bit_that_had_its_value_is_masked(kind: str) -> None:
    data, table = written()
    of = ContainerSpace(data, table, Fault("stuck0" if kind == "stuck0" else "stuck1"))
    places = everywhere(of)[:96]
    bits = np.frombuffer(data, np.uint8)[places[:, 1]] >> places[:, 0] & 1
    assert ((of.judge(places).kinds == MASKED) == (bits == (kind == "stuck1"))).all()
