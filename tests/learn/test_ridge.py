from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.learn.ridge import EigenSolver, NormalEquations, solve, solve_all
from sarto.models.input_error import InputError
from tests.learn.oracles import Ridge, RidgeClassifier, RidgeCV, inv, pinv


def equations(x: NDArray[np.float64], y: NDArray[np.float64]) -> NormalEquations:
    x_left, y_left = x - x.mean(axis=0), y - y.mean(axis=0)
    return NormalEquations(
        x_left.T @ x_left, x_left.T @ y_left, (y_left**2).sum(axis=0), x.mean(axis=0), y.mean(axis=0), len(x)
    )


def problem(
    n: int, features: int, outputs: int = 2, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features)) * np.logspace(0, -3, features) + 2
    return x, x @ rng.normal(size=(features, outputs)) + 0.1 * rng.normal(size=(n, outputs)) + 5


@pytest.mark.parametrize(("n", "features"), [(100, 10), (40, 12), (12, 30)])
@pytest.mark.parametrize("ridge", [1e-3, 0.1, 1.0, 100.0])
def test_equals_scikit_learn_in_the_sum_form(n: int, features: int, ridge: float) -> None:
    x, y = problem(n, features)
    oracle = Ridge(alpha=ridge, solver="svd").fit(x, y)
    one, (many,) = solve(equations(x, y), ridge), solve_all(equations(x, y), [ridge])
    assert (one.path, many.path) == ("cholesky", "eigen")
    for solution in (one, many):
        np.testing.assert_allclose(solution.weights, oracle.coef_, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(solution.intercept, oracle.intercept_, rtol=1e-8)
        np.testing.assert_allclose(solution.predict(x), oracle.predict(x), rtol=1e-8, atol=1e-9)
        assert solution.ridge == ridge


def test_equals_scikit_learns_cross_validated_ridge_at_its_penalty() -> None:
    x, y = problem(80, 8, outputs=1)
    oracle = RidgeCV(alphas=np.logspace(-4, 3, 15)).fit(x, y[:, 0])
    np.testing.assert_allclose(
        solve(equations(x, y), float(oracle.alpha_)).weights[0], oracle.coef_, rtol=1e-8
    )


def test_equals_scikit_learns_ridge_classifier_on_plus_and_minus_one() -> None:
    x, _ = problem(90, 6)
    labels = np.arange(90) % 3
    oracle = RidgeClassifier(alpha=0.5).fit(x, labels)
    y = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    np.testing.assert_allclose(
        solve(equations(x, y), 0.5).predict(x), oracle.decision_function(x), atol=1e-10
    )


def test_the_intercept_is_not_penalised() -> None:
    x, y = problem(50, 5)
    plain, lifted = solve(equations(x, y), 10.0), solve(equations(x, y + 1e3), 10.0)
    np.testing.assert_allclose(lifted.weights, plain.weights, rtol=1e-9)
    np.testing.assert_allclose(lifted.intercept, plain.intercept + 1e3, rtol=1e-9)
    moved = solve(equations(x + 7, y), 10.0)
    np.testing.assert_allclose(moved.weights, plain.weights, rtol=1e-9)


def test_the_penalty_is_of_the_sum_not_of_the_mean() -> None:
    x, y = problem(50, 5)
    twice = solve(equations(np.vstack([x, x]), np.vstack([y, y])), 2.0)
    np.testing.assert_allclose(twice.weights, solve(equations(x, y), 1.0).weights, rtol=1e-10)


def brute_gcv(x: NDArray[np.float64], y: NDArray[np.float64], ridge: float) -> float:
    """GCV from the hat matrix of the whole fit, intercept included."""
    n = len(x)
    left = x - x.mean(axis=0)
    inverse = inv(left.T @ left + ridge * np.eye(x.shape[1]))
    hat = np.full((n, n), 1 / n) + left @ inverse @ left.T
    residual = y - hat @ y
    return float((residual**2).sum() / n / (1 - np.trace(hat) / n) ** 2)


@pytest.mark.parametrize(("n", "features"), [(100, 10), (25, 20), (15, 15), (12, 30)])
def test_gcv_equals_the_formula_on_the_hat_matrix(n: int, features: int) -> None:
    x, y = problem(n, features)
    x = x * np.logspace(0, 3, features)  # undo the decay, so that the hat matrix is well conditioned
    ridges = np.logspace(-2, 4, 13)
    scores = EigenSolver(equations(x, y)).gcv(ridges)
    np.testing.assert_allclose(scores, [brute_gcv(x, y, float(r)) for r in ridges], rtol=1e-8)


@pytest.mark.parametrize("seed", range(8))  # rounding has either sign
def test_gcv_with_fewer_rows_than_features_goes_to_its_limit_not_to_rounding(seed: int) -> None:
    """As the ridge goes to 0 the residuals and the freedom both go to 0, and GCV to n sum(Z^2 / d^3) / sum(1 / d)^2.

    With C = X^T X and K = X X^T that is n |K^-1 y|^2 / trace(K^-1)^2; rounding in the residuals would swamp it.
    """
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 30)), rng.normal(size=(12, 1))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    kernel = pinv(x @ x.T)
    limit = 12 * float(((kernel @ y) ** 2).sum()) / float(np.trace(kernel)) ** 2
    scores = EigenSolver(equations(x, y)).gcv(np.array([1e-12, 1e-9, 1e-6]))
    np.testing.assert_allclose(scores, limit, rtol=1e-5)


def test_more_directions_than_rows_allow_are_rounding_and_leave_no_freedom_below_zero() -> None:
    crowded = NormalEquations(np.eye(5), np.ones((5, 1)), np.full(1, 5.0), np.zeros(5), np.zeros(1), 3)
    # RSS = 5 shrink^2, freedom = 5 shrink: GCV = 3 * 5 / 25 at every ridge.
    np.testing.assert_allclose(EigenSolver(crowded).gcv(np.array([0.01, 1.0])), 0.6, rtol=1e-12)


def test_gcv_takes_the_largest_ridge_within_one_standard_error() -> None:
    x, y = problem(60, 10, outputs=3)
    solution = solve(equations(x, y), "gcv")
    ridges, scores = np.array(solution.gcv_ridges), np.array(solution.gcv_scores)
    limit = scores.min() * (1 + np.sqrt(2 / (60 * 3)))
    assert solution.ridge == ridges[scores <= limit].max()
    assert solution.ridge > ridges[scores.argmin()]
    np.testing.assert_allclose(solution.weights, solve(equations(x, y), solution.ridge).weights, rtol=1e-6)
    assert (solution.path, solution.rank) == ("eigen", 10)


def test_the_grid_reaches_from_rounding_to_the_largest_eigenvalue() -> None:
    solver = EigenSolver(equations(*problem(60, 10)))
    ridges, top = solver.ridges(), solver.eigenvalues.max()
    assert ridges[0] == pytest.approx(10 * np.finfo(float).eps * top)
    assert ridges[-1] == pytest.approx(top)
    assert (np.diff(np.log10(ridges)) < 0.2501).all()


def test_gcv_regularises_pure_noise_and_trusts_a_clean_line() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 20))
    noise, line = rng.normal(size=(50, 1)), x[:, :1] * 2 + 1
    top = float(EigenSolver(equations(x, noise)).eigenvalues.max())
    assert solve(equations(x, noise), "gcv").ridge == pytest.approx(top)
    clean = solve(equations(x, line), "gcv")
    assert clean.ridge < 1e-6
    assert clean.weights[0, 0] == pytest.approx(2, abs=1e-6)


def test_equal_columns_escalate_and_say_so() -> None:
    x, y = problem(50, 4)
    x = np.hstack([x, x])
    solution = solve(equations(x, y), 0.0)
    assert solution.path.startswith("cholesky > eigen: ")
    assert solution.rank == 4
    np.testing.assert_allclose(solution.weights[:, :4], solution.weights[:, 4:], rtol=1e-6)  # least norm
    least = pinv(x - x.mean(axis=0)) @ (y - y.mean(axis=0))
    np.testing.assert_allclose(solution.weights, least.T, rtol=1e-6)


def test_a_nearly_singular_matrix_escalates_by_its_condition() -> None:
    """Positive definite, so Cholesky runs through, but with a condition above 1 / eps its answer means nothing."""
    gram = np.diag([1.0, 1e-18])
    near = NormalEquations(gram, np.array([[1.0], [1e-18]]), np.ones(1), np.zeros(2), np.zeros(1), 10)
    solution = solve(near, 0.0)
    assert solution.path == "cholesky > eigen: reciprocal condition 1.0e-18"
    assert (solution.rank, solution.weights.tolist()) == (1, [[1.0, 0.0]])
    assert solve(near, 1e-3).path == "cholesky"


def test_an_indefinite_gram_matrix_as_float32_leaves_it_is_solved_by_eigen() -> None:
    """A Gram matrix summed in float32 is indefinite; Cholesky fails below the rounding, and the path tells."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(2000, 60)) @ np.diag(np.logspace(0, -6, 60)) @ rng.normal(size=(60, 60))).astype(
        np.float32
    )
    y = x[:, :1].astype(np.float64)
    exact = equations(x.astype(np.float64), y)
    left = x - x.mean(axis=0)
    rough = NormalEquations(
        (left.T @ left).astype(np.float64), exact.C_xy, exact.C_yy, exact.mean_x, exact.mean_y, 2000
    )
    assert np.linalg.eigvalsh(rough.C_xx)[0] < 0
    assert solve(rough, 1e-8).path == "cholesky > eigen: not positive definite"
    assert solve(exact, 1e-2).path == "cholesky"


def test_few_rows_have_as_many_directions_as_rows_less_one_whichever_way_they_are_found() -> None:
    x, y = problem(12, 30)
    few = equations(x, y)
    more = NormalEquations(few.C_xx, few.C_xy, few.C_yy, few.mean_x, few.mean_y, 16)  # more than half of 30
    one, other = EigenSolver(few).solution(0.1), EigenSolver(more).solution(0.1)
    assert len(EigenSolver(few).eigenvalues) == 11
    assert len(EigenSolver(more).eigenvalues) == 30
    assert one.rank == other.rank == 11
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-9, atol=1e-12)


def test_constant_features_get_weight_zero() -> None:
    nothing = NormalEquations(np.zeros((2, 2)), np.zeros((2, 1)), np.ones(1), np.ones(2), np.full(1, 3.0), 5)
    for ridge in ("gcv", 0.0):
        solution = solve(nothing, ridge)  # pyright: ignore[reportArgumentType]
        assert (solution.weights.tolist(), solution.intercept.tolist(), solution.rank) == ([[0, 0]], [3], 0)


def test_one_row_is_its_own_mean() -> None:
    single = equations(np.ones((1, 3)), np.full((1, 2), 4.0))
    assert solve(single, "gcv").intercept.tolist() == [4, 4]


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("ridge", [-1.0, float("nan"), float("inf"), "auto", None, True])
def test_a_penalty_that_is_none_is_refused(ridge: Any) -> None:
    some = equations(*problem(10, 2))
    for call in (lambda: solve(some, ridge), lambda: solve_all(some, [1.0, ridge])):
        with pytest.raises(InputError, match="ridge = ") as caught:
            call()
        assert caught.value.code == "E116"


def test_no_rows_have_no_solution() -> None:
    none = NormalEquations(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(1), np.zeros(2), np.zeros(1), 0)
    for call in (lambda: solve(none, 1.0), lambda: solve_all(none, [1.0])):
        with pytest.raises(InputError, match="0 rows") as caught:
            call()
        assert caught.value.code == "E104"
