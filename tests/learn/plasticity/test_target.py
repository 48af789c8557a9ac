from __future__ import annotations

import numpy as np
import pytest

from sarto.learn.plasticity.target import BINS, Target
from tests.learn.oracles import expit, expon, norm, trapezoid

GAUSSIAN, EXPONENTIAL = Target("tanh", 0.1, 0.4), Target("sigmoid", 0.3, 0.1)
BOTH = pytest.mark.parametrize("target", [GAUSSIAN, EXPONENTIAL])
DRIVE_MEAN, DRIVE_SPREAD = 0.3, 0.7


def divergence(target: Target, gain: float, shift: float) -> float:
    """KL(p_y || target) of y = phi(gain z + shift), z Gaussian, by the densities of y themselves."""
    z = np.linspace(-8, 8, 400_001) * DRIVE_SPREAD + DRIVE_MEAN
    inner = gain * z + shift
    if target.activation == "tanh":
        y, slope = np.tanh(inner), gain / np.cosh(inner) ** 2
        wanted = norm.logpdf(y, target.mu, target.sigma)
    else:
        y = expit(inner)
        slope = gain * y * expit(-inner)
        wanted = expon.logpdf(y, scale=target.mu)
    p_z = norm.pdf(z, DRIVE_MEAN, DRIVE_SPREAD)
    return float(trapezoid(p_z * (np.log(p_z / slope) - wanted), z))


@BOTH
def test_the_rule_descends_the_divergence(target: Target) -> None:
    """Each factor and sign: the expected change is minus the numerical derivative of the KL."""
    gain, shift, step = 0.9, -0.2, 1e-5
    z = np.linspace(-8, 8, 400_001) * DRIVE_SPREAD + DRIVE_MEAN
    phi = np.tanh if target.activation == "tanh" else expit
    db = target.descent(phi(gain * z + shift))
    p_z = norm.pdf(z, DRIVE_MEAN, DRIVE_SPREAD)
    by_gain = trapezoid(p_z * (1 / gain + db * z), z)
    by_shift = trapezoid(p_z * db, z)
    slope_a = (divergence(target, gain + step, shift) - divergence(target, gain - step, shift)) / (2 * step)
    slope_b = (divergence(target, gain, shift + step) - divergence(target, gain, shift - step)) / (2 * step)
    assert min(abs(slope_a), abs(slope_b)) > 0.05
    assert by_gain == pytest.approx(-slope_a, rel=1e-5)
    assert by_shift == pytest.approx(-slope_b, rel=1e-5)


@BOTH
def test_shares_are_those_of_the_target_cut_off(target: Target) -> None:
    edges = np.linspace(target.low, 1, BINS + 1)
    if target.activation == "tanh":
        below = norm.cdf(edges, target.mu, target.sigma)
    else:
        below = expon.cdf(edges, scale=target.mu)
    np.testing.assert_allclose(
        np.exp(target.log_shares()), np.diff(below) / (below[-1] - below[0]), rtol=1e-9
    )


def test_far_tails_keep_their_digits() -> None:
    """A neuron that sits at -1 is finitely far from N(0, 0.02^2), although the share there underflows."""
    narrow = Target("tanh", 0.0, 0.02)
    shares = narrow.log_shares()
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares[0], norm.logsf(1 - 2 / BINS, scale=0.02), rtol=1e-6)
    counts = np.zeros((1, BINS))
    counts[0, 0] = 10
    assert narrow.divergence(counts)[0] == pytest.approx(-shares[0])


@BOTH
def test_samples_of_the_target_have_the_divergence_of_the_counting(target: Target) -> None:
    random = np.random.default_rng(0)
    size = 20_000
    if target.activation == "tanh":
        drawn = random.normal(target.mu, target.sigma, 2 * size)
    else:
        drawn = random.exponential(target.mu, 2 * size)
    inside = drawn[(drawn > target.low) & (drawn < 1)][:size]
    counts = np.bincount(target.bin_of(inside), minlength=BINS)[None].astype(float)
    assert 0 <= target.divergence(counts)[0] < 2 * (BINS - 1) / (2 * size)
    other = Target(target.activation, target.mu + 0.3, target.sigma)
    assert other.divergence(counts)[0] > 0.05
