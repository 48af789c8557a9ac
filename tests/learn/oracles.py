# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Adapter of scikit-learn, SciPy, threadpoolctl and `numpy.linalg` for the tests: oracles, and what works with ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import threadpoolctl
from scipy import linalg, special, stats
from sklearn import base, exceptions, linear_model, model_selection, pipeline
from sklearn.utils import estimator_checks, validation

inv: Any = np.linalg.inv
pinv: Any = np.linalg.pinv
expit: Any = special.expit
expon: Any = stats.expon
norm: Any = stats.norm
trapezoid: Any = np.trapezoid
Ridge: Any = linear_model.Ridge
RidgeClassifier: Any = linear_model.RidgeClassifier
RidgeCV: Any = linear_model.RidgeCV
GridSearchCV: Any = model_selection.GridSearchCV
clone: Any = base.clone
NotFittedError: Any = exceptions.NotFittedError
cross_val_score: Any = model_selection.cross_val_score
estimator_checks_generator: Any = estimator_checks.estimator_checks_generator
make_pipeline: Any = pipeline.make_pipeline
threadpool_info: Any = threadpoolctl.threadpool_info
threadpool_limits: Any = threadpoolctl.threadpool_limits
validate_data: Any = validation.validate_data
solve_discrete_lyapunov: Any = linalg.solve_discrete_lyapunov
fisher: Any = stats.f
