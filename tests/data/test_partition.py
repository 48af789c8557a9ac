"""Items dealt out to clients: everything once, the same for the same seed, and as uneven as was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.partition import KINDS, Kind, Partition, partition

RNG = np.random.default_rng(0)
Y, TEST_Y = RNG.integers(0, 5, 600), RNG.integers(0, 5, 200)
X, TEST_X = RNG.normal(size=(600, 4)) * [5, 1, 1, 1], RNG.normal(size=(200, 4)) * [5, 1, 1, 1]
GROUPS, TEST_GROUPS = RNG.integers(0, 7, 600), RNG.integers(5, 9, 200)


def dealt(kind: Kind, **changed: Any) -> Partition:
    usual: dict[str, Any] = {"clients": 10, "alpha": 1 if kind == "classes" else 0.3, "seed": 1}
    more: dict[str, Any] = {"groups": {"groups": GROUPS, "test_groups": TEST_GROUPS}}
    more["covariate"] = {"x": X, "test_x": TEST_X}
    return partition(kind, Y, test_y=TEST_Y, **(usual | more.get(kind, {}) | changed))


@pytest.mark.parametrize("kind", KINDS)
def test_every_item_has_one_client_and_the_seed_decides(kind: Kind) -> None:
    one, again, other = dealt(kind), dealt(kind), dealt(kind, seed=2)
    assert len(one.train) == 600 and len(one.test) == 200
    assert one.train.min() >= 0 and max(one.train.max(), one.test.max()) < len(one.names)
    assert one.sizes.sum() == 600
    np.testing.assert_array_equal(one.train, again.train)
    np.testing.assert_array_equal(one.test, again.test)
    assert np.array_equal(one.train, other.train) == (kind in ("groups", "covariate"))


def test_a_client_tests_on_what_it_learns() -> None:
    parted = dealt("dirichlet", alpha=0.1)
    learned, tested = (
        np.array([np.bincount(y[owner == k], minlength=5) for k in range(10)], float)
        for y, owner in ((Y, parted.train), (TEST_Y, parted.test))
    )
    assert np.corrcoef(learned.reshape(-1), tested.reshape(-1))[0, 1] > 0.97


def test_a_small_alpha_is_uneven_and_a_large_one_even() -> None:
    uneven, even = (
        dealt("dirichlet", alpha=alpha).histogram(Y, 5).max(axis=1).sum() / 600 for alpha in (0.05, 100)
    )
    assert uneven > 0.8 and even < 0.3
    assert dealt("quantity", alpha=0.2).sizes.max() > 3 * dealt("iid").sizes.max()
    np.testing.assert_allclose(dealt("iid").sizes, 60, atol=5)


def test_each_client_holds_as_many_classes_as_asked_and_no_class_is_lost() -> None:
    for each in (1, 2):
        held = (dealt("classes", alpha=each).histogram(Y, 5) > 0).sum(axis=1)
        assert held.max() == each and held.min() == each
    with pytest.raises(SartoError, match="nobody") as refused:
        dealt("classes", clients=2)
    assert refused.value.code == "E171"


def test_groups_that_only_test_are_clients_that_hold_nothing() -> None:
    parted = dealt("groups")
    assert parted.names == tuple("012345678") and parted.sizes[7:].tolist() == [0, 0]
    assert set(parted.test.tolist()) == {5, 6, 7, 8}


def test_covariates_follow_the_widest_direction() -> None:
    parted = dealt("covariate")
    means = np.array([X[parted.train == k, 0].mean() for k in range(10)])
    assert (np.diff(means) > 0).all() or (np.diff(means) < 0).all()
    tests = np.array([TEST_X[parted.test == k, 0].mean() for k in range(10)])
    assert np.corrcoef(means, tests)[0, 1] > 0.98


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "zipf"},
        {"clients": 0},
        {"kind": "dirichlet", "alpha": 0.0},
        {"kind": "classes", "alpha": 1.5},
        {"kind": "groups", "groups": None},
        {"kind": "covariate", "x": None},
    ],
)
def test_what_cannot_be_dealt_out_is_refused(wrong: dict[str, Any]) -> None:
    kind: Any = wrong.pop("kind", "iid")
    with pytest.raises(SartoError) as refused:
        dealt(kind, **wrong)
    assert refused.value.code == "E171"
