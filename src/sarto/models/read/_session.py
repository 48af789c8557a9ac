"""Runs an ONNX model once in ONNX Runtime, as it stands: nothing is fused, one thread."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from jaxtyping import Shaped

from sarto.models.input_error import InputError


def values_of(
    given: onnx.ModelProto, source: str, x: Mapping[str, Shaped[np.ndarray, "item ..."]], *, every: bool
) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Return the values of the outputs, or with `every` of every node, for the inputs `x`.

    Raises:
        InputError: E130, when ONNX Runtime refuses the model; `source` names it.
    """
    model = onnx.ModelProto()
    model.CopyFrom(given)
    if every:
        known = {v.name for v in model.graph.output}
        names = [name for n in model.graph.node for name in n.output if name and name not in known]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        names = [o.name for o in session.get_outputs()]
        values = session.run(None, dict(x))
        return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
    except Exception as error:
        raise InputError("E130", f"{source} does not run", cause=str(error).splitlines()[0][:300]) from error
