"""The model that a federation came to, as a file.

A reservoir is an estimator like any other (`ESNClassifier.load`). Everything else is one .npz file of arrays and a JSON
text: the head or the network's weights, the classes, and the front with its scaling.

>>> import tempfile
>>> import numpy as np
>>> from sarto.learn.federated._linear import LinearModel
>>> from sarto.learn.federation.course import Course
>>> model = LinearModel.zeros(2, ("a", "b"), "two numbers")
>>> course = Course("demo", model, [], [], np.zeros(0, np.int64), np.zeros(0, np.int64), {}, (), None)
>>> with tempfile.TemporaryDirectory() as folder:
...     save_model(course, Path(folder) / "model.npz")
...     found = np.load(Path(folder) / "model.npz")
...     found["weights"].shape, json.loads(str(found["about"]))["classes"]
((2, 2), ['a', 'b'])
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from sarto.core.store import write_atomic
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federation.course import Course

FORMAT = "sarto-federated-model/1"


def save_model(course: Course, path: Path) -> None:
    """Write the model of a course, whole or not at all."""
    model = course.model
    if isinstance(model, ReservoirModel) and model.learned is not None:
        model.fitted().save(path)
        return
    about: dict[str, Any] = {"format": FORMAT, "classes": list(model.classes), "course": course.name}
    arrays: dict[str, Any]
    if isinstance(model, ReservoirModel):
        weights, intercept = model.head
        about["reservoir"] = model.parameters
        arrays = {"weights": weights, "intercept": intercept}
    elif isinstance(model, LinearModel):
        arrays = {"weights": model.weights, "intercept": model.intercept}
    else:
        about["architecture"] = model.architecture.to_json()
        arrays = {f"network/{name}": array for name, array in model.arrays.items()}
    if course.front is not None:
        front = course.front
        about["front"] = {"units": front.units, "seed": front.seed, "bandwidths": front.bandwidths}
        arrays |= {"mean": front.mean, "scale": front.scale}
    file = io.BytesIO()
    np.savez(file, about=np.array(json.dumps(about)), **arrays)
    write_atomic(path, file.getvalue())
