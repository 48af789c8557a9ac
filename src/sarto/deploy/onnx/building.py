"""An ONNX file while it is built: its nodes, its constants, and the bytes of the whole. The one file that touches onnx.

The same calls give the same bytes: nothing of the time or the place is kept.

>>> build = OnnxBuilding()
>>> y = build.node("Add", ("x", build.const("one", np.ones(2, np.float32))), "y")
>>> data = build.model("x", (2,), y, 2, {"classes": "[]"})
>>> model = onnx.load_from_string(data)
>>> [n.op_type for n in model.graph.node], model.graph.output[0].name, model.opset_import[0].version
(['Add'], 'scores', 13)
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from jaxtyping import Shaped
from onnx import TensorProto, helper, numpy_helper

from sarto import __version__
from sarto.core.graph.network import Slide

OPSET = 13
"""The first with a scale for each channel: ONNX Runtime reads it since 1.7 (2021), so that old boards do, too."""
IR_VERSION = {13: 7, 14: 7, 20: 9}
"""Version of the file format that came with an opset. Source: onnx, docs/Versioning.md, released versions."""
INT32 = int(TensorProto.INT32)
GIVEN, SCORES, ITEMS = "items", "scores", "item"
"""Names of the input, the output, and the axis of the batch."""


class OnnxBuilding:
    """The file as far as it is built."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.taken: set[str] = {GIVEN, SCORES}

    def free(self, name: str) -> str:
        """Return the name, with underscores if it is taken, and take it."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def const(self, name: str, value: Shaped[np.ndarray, "..."]) -> str:
        """Add a constant and return its name."""
        name = self.free(name)
        self.constants[name] = numpy_helper.from_array(np.array(value), name)
        return name

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        output: str,
        *,
        name: str = "",
        **attributes: Any,
    ) -> str:
        """Add a node, which is called `name` or like what it returns, and return the name of that."""
        output = self.free(output)
        self.nodes.append(helper.make_node(op, inputs, [output], name=name or output, **attributes))
        return output

    def model(
        self,
        given: str,
        shape: tuple[int, ...],
        scores: str,
        outputs: int,
        metadata: Mapping[str, str],
        opset: int = OPSET,
    ) -> bytes:
        """Return the file, which was checked.

        Args:
            given: the value that is the input.
            shape: of one item.
            scores: the value that is the output, not the input.
            outputs: how many there are.
            metadata: texts by name.
            opset: the version of the operations.
        """
        renamed = {given: GIVEN, scores: SCORES}
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [renamed.get(name, name) for name in names]
        floats = TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "sarto",
            [helper.make_tensor_value_info(GIVEN, floats, [ITEMS, *shape])],
            [helper.make_tensor_value_info(SCORES, floats, [ITEMS, outputs])],
            list(self.constants.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset)],
            ir_version=IR_VERSION[opset],
            producer_name="sarto",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def sliding(slide: Slide) -> dict[str, Any]:
    """Return how a kernel slides as ONNX has it."""
    return {
        "kernel_shape": [*slide.kernel],
        "strides": [*slide.stride],
        "pads": [*slide.padding, *slide.padding],
    }
