from __future__ import annotations

from benchmarks.state_equality import LIMIT, QUICK_LENGTHS, documented_hebbian, every_gap


def test_states_are_those_of_reservoirpy() -> None:
    gaps = every_gap(QUICK_LENGTHS)
    assert len(gaps) > 20
    assert not {name: gap for name, gap in gaps.items() if not gap <= LIMIT}


def test_reservoirpys_synaptic_node_learns_nothing_of_hebbs_rule() -> None:
    """When this fails, its `fit` moves the state, and `fit_synaptic` of the adapter can be its `fit`."""
    assert documented_hebbian(QUICK_LENGTHS) == 0
