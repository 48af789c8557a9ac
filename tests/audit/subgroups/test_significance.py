"""q-values: equal to SciPy's, in any order, with and without ties and tests that were not made."""

# pyright: reportUnknownMemberType=false

import numpy as np
import pytest
from scipy import stats

from sarto.audit.subgroups.significance import q_values


@pytest.mark.parametrize("control", ["bh", "by"])
@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_q_values_are_those_of_scipy(control: str, count: int) -> None:
    draw = np.random.default_rng(count)
    p = np.round(draw.beta(0.3, 1, count), 2)  # with ties, zeros and ones
    holes = np.insert(p, 0, np.nan)
    expected = stats.false_discovery_control(p, method=control) if count else p
    q = q_values(holes, "bh" if control == "bh" else "by")
    assert np.isnan(q[0])
    assert q[1:] == pytest.approx(expected, abs=1e-15)


def test_without_control_they_are_the_p_values() -> None:
    assert q_values(np.array([0.2, np.nan, 0.01]), "none") == pytest.approx([0.2, np.nan, 0.01], nan_ok=True)
