"""ONNX files: every operation as ONNX Runtime computes it, QDQ, and refusals that name the node."""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sarto.models.input_error import InputError
from sarto.models.network.module import Network, predict
from sarto.models.read import _sketch
from sarto.models.read.onnx import read_onnx

RNG = np.random.default_rng(0)
SHAPE = (2, 6, 6)


def weights(*shape: int) -> np.ndarray[Any, Any]:
    """Random weights."""
    return RNG.normal(size=shape).astype(np.float32)


def written(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str] = ("n", *SHAPE),
    ops: int = 17,
    **constants: Any,
) -> Path:
    """Write a model of `nodes` from `x` to `y`."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(
                "y", TensorProto.INT64 if nodes[-1].op_type == "ArgMax" else TensorProto.FLOAT, None
            )
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", ops)], ir_version=9)
    file = folder / "net.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), file)
    return file


def op(kind: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """One node; names of inputs are separated by spaces."""
    return helper.make_node(
        kind, inputs.split(" "), outputs.split(" "), name=f"the_{kind.lower()}_{outputs}", **attributes
    )


CONV: dict[str, Any] = {"w": weights(4, 2, 3, 3), "b": weights(4)}
NORM = {"s": weights(2), "b": weights(2), "m": weights(2), "v": np.abs(weights(2))}
WHOLE: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], list[str]]] = {
    "conv": ([op("Conv", "x w b", pads=[1, 1, 1, 1], strides=[2, 2])], CONV, ["conv"]),
    "depthwise": ([op("Conv", "x w", group=2)], {"w": weights(4, 1, 3, 3)}, ["conv"]),
    "same padding": ([op("Conv", "x w b", auto_pad="SAME_UPPER")], CONV, ["conv"]),
    "conv and a bias added": ([op("Conv", "x w", "z"), op("Add", "z c")],
                              {"w": CONV["w"], "c": weights(1, 4, 1, 1)}, ["conv"]),
    "norm": ([op("BatchNormalization", "x s b m v", epsilon=0.01)], NORM, ["batch_norm"]),
    "gemm": ([op("Flatten", "x", "f"), op("Gemm", "f w b", transB=1, alpha=0.5, beta=2.0)],
             {"w": weights(3, 72), "b": weights(3)}, ["flatten", "linear"]),
    "matmul and a bias before": ([op("Flatten", "x", "f"), op("MatMul", "f w", "z"), op("Add", "b z")],
                                 {"w": weights(72, 3), "b": weights(3)}, ["flatten", "linear"]),
    "pools": ([op("MaxPool", "x", "p", kernel_shape=[2, 2], strides=[2, 2]),
               op("AveragePool", "p", kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)],
              {}, ["max_pool", "mean_pool"]),
    "global mean and flatten": ([op("GlobalAveragePool", "x", "g"), op("Flatten", "g")], {}, ["global_mean_pool"]),
    "mean over places": ([op("ReduceMean", "x", axes=[2, 3], keepdims=0)], {}, ["global_mean_pool"]),
    "a residual": ([op("Relu", "x", "r"), op("Add", "r x")], {}, ["relu", "add"]),
    "channels joined": ([op("LeakyRelu", "x", "r", alpha=0.3), op("Concat", "r x", axis=1)], {},
                        ["leaky_relu", "concat"]),
    "silu": ([op("Sigmoid", "x", "g"), op("Mul", "x g")], {}, ["silu"]),
    "relu6": ([op("Clip", "x lo hi")], {"lo": np.float32(0), "hi": np.float32(6)}, ["relu6"]),
    "a relu as a clip": ([op("Clip", "x lo")], {"lo": np.float32(0)}, ["relu"]),
    "nothing but shapes": ([op("Identity", "x", "i"), op("Dropout", "i", "d"), op("Tanh", "d")], {}, ["tanh"]),
    "a softmax at the end": ([op("Flatten", "x", "f"), op("Softmax", "f")], {}, ["flatten"]),
    "a logarithm of softmax": ([op("Flatten", "x", "f"), op("LogSoftmax", "f", axis=1)], {}, ["flatten"]),
    "the number of the largest": ([op("Flatten", "x", "f"), op("Softmax", "f", "s"),
                                   op("ArgMax", "s", axis=1, keepdims=1)], {}, ["flatten"]),
    "a sigmoid of each class": ([op("Flatten", "x", "f"), op("Gemm", "f w", "z"), op("Sigmoid", "z")],
                                {"w": weights(72, 3)}, ["flatten", "linear"]),
    "a sigmoid of one number": ([op("Flatten", "x", "f"), op("Gemm", "f w", "z"), op("Sigmoid", "z")],
                                {"w": weights(72, 1)}, ["flatten", "linear", "sigmoid"]),
    "a sigmoid inside": ([op("Sigmoid", "x", "z"), op("Relu", "z")], {}, ["sigmoid", "relu"]),
    "a shape that is computed": (
        [op("Shape", "x", "s"), op("Gather", "s zero", "n"), op("Unsqueeze", "n axes", "u"),
         op("Concat", "u rest", "t", axis=0), op("Reshape", "x t")],
        {"zero": np.int64(0), "axes": np.array([0]), "rest": np.array([-1])}, ["flatten"]),
    "another layout": ([op("Reshape", "x t")], {"t": np.array([0, 12, 6])}, ["reshape"]),
    "a constant that is computed": (
        [op("Add", "w e", "v"), op("Conv", "x v b")],
        {**CONV, "e": np.float32(1)}, ["conv"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_every_operation_is_read_as_onnx_runtime_runs_it(name: str, tmp_path: Path) -> None:
    """The reader itself compares; that it does, the next test shows."""
    nodes, constants, ops = WHOLE[name]
    found = read_onnx(written(tmp_path, nodes, **constants))
    assert [n.op for n in found.architecture.nodes] == ops
    assert found.architecture.input_shape == SHAPE


def test_an_autoencoder_keeps_its_sigmoid(tmp_path: Path) -> None:
    file = written(tmp_path, [op("Gemm", "x w", "z"), op("Sigmoid", "z")], shape=("n", 4), w=weights(4, 4))
    assert [n.op for n in read_onnx(file).architecture.nodes] == ["linear", "sigmoid"]


def test_what_was_left_away_at_the_end_is_said(tmp_path: Path) -> None:
    nodes, constants, _ = WHOLE["the number of the largest"]
    remarks = read_onnx(written(tmp_path, nodes, **constants)).remarks
    assert ["Softmax" in r or "ArgMax" in r for r in remarks] == [True, True]


def test_a_network_that_was_read_wrongly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weigh: Callable[..., None] = _sketch.Sketch.weigh

    def wrong(sketch: _sketch.Sketch, name: str, **arrays: Any) -> None:
        weigh(sketch, name, **{own: array * 1.01 for own, array in arrays.items()})

    file = written(tmp_path, WHOLE["conv"][0], **CONV)
    monkeypatch.setattr(_sketch.Sketch, "weigh", wrong)
    with pytest.raises(InputError, match=r"net\.onnx: what was read gives other outputs, by 0\.01"):
        read_onnx(file)


def test_a_qdq_file_gives_the_weights_of_its_integers(tmp_path: Path) -> None:
    integers = RNG.integers(-127, 128, (4, 2, 3, 3)).astype(np.int8)
    constants: dict[str, Any] = {
        "q": integers,
        "s": np.float32(0.02),
        "z": np.int8(0),
        "a": np.float32(0.05),
        "b": CONV["b"],
    }
    nodes = [
        op("QuantizeLinear", "x a z", "xq"),
        op("DequantizeLinear", "xq a z", "xd"),
        op("DequantizeLinear", "q s z", "w"),
        op("Conv", "xd w b"),
    ]
    found = read_onnx(written(tmp_path, nodes, **constants))
    np.testing.assert_allclose(found.arrays["the_conv_y.weight"], integers * np.float32(0.02))
    assert [n.op for n in found.architecture.nodes] == ["conv"]
    assert "1 quantisation steps of activations" in found.remarks[0]


SIZES = {"i": np.float32(1 / 255), "a": np.float32(0.05), "six": np.float32(6 / 255)}
STEPS: dict[str, Any] = {**SIZES, "lo": np.int8(-128), "mid": np.int8(3), "zero": np.uint8(0)}


@pytest.mark.parametrize(
    ("before", "step", "ops"),
    [
        ([op("Conv", "x w b", "c")], "c a lo", ["conv", "relu"]),
        ([op("Conv", "x w b", "c")], "c a zero", ["conv", "relu"]),
        ([op("Conv", "x w b", "c")], "c a", ["conv", "relu"]),
        ([op("Conv", "x w b", "c")], "c six lo", ["conv", "relu6"]),
        ([op("Conv", "x w b", "c")], "c a mid", ["conv"]),
        ([op("Conv", "x w b", "r"), op("Relu", "r", "c")], "c a lo", ["conv", "relu"]),
        ([op("Conv", "x w b", "r"), op("Add", "r r", "c")], "c a lo", ["conv", "add", "relu"]),
    ],
    ids=["int8", "uint8", "no zero point", "relu6", "signed", "a relu before", "a sum before"],
)
def test_a_step_from_zero_is_the_relu_that_a_quantiser_left_away(
    before: list[onnx.NodeProto], step: str, ops: list[str], tmp_path: Path
) -> None:
    """As ONNX Runtime's quantize_static writes files; an input from 0 is no ReLU, and a second step is none."""
    again = "p " + step.partition(" ")[2]
    nodes = [
        op("QuantizeLinear", "x i lo", "xq"),
        op("DequantizeLinear", "xq i lo", "xd"),
        *[op(n.op_type, " ".join(n.input).replace("x", "xd"), n.output[0]) for n in before],
        op("QuantizeLinear", step, "q1"),
        op("DequantizeLinear", "q1 " + step.partition(" ")[2], "d1"),
        op("MaxPool", "d1", "p", kernel_shape=[2, 2]),
        op("QuantizeLinear", again, "q2"),
        op("DequantizeLinear", "q2 " + again.partition(" ")[2]),
    ]
    small = {"w": CONV["w"] / 4, "b": CONV["b"] / 4}
    found = read_onnx(written(tmp_path, nodes, **small, **STEPS))
    assert [n.op for n in found.architecture.nodes] == [*ops, "max_pool"]
    left_away = ops[-1].startswith("relu") and all(n.op_type != "Relu" for n in before)
    assert any("1 of them cut at 0" in remark for remark in found.remarks) == left_away


def test_a_file_for_one_item_is_read_too(tmp_path: Path) -> None:
    found = read_onnx(written(tmp_path, [op("Conv", "x w b")], shape=(1, *SHAPE), **CONV))
    network = Network(found.architecture)
    network.load_arrays(found.arrays)
    assert predict(network, np.zeros((3, *SHAPE), np.float32)).shape == (3, 4, 4, 4)


REFUSED: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], str]] = {
    "an unknown operation": ([op("Erf", "x")], {}, r"node 'the_erf_y' \(Erf\)"),
    "padding on one side": ([op("Conv", "x w b", pads=[0, 1, 0, 0])], CONV, "the same on both sides"),
    "a mean without its padding": (
        [op("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1])], {}, "does not count as zeros"),
    "a product": ([op("Mul", "x x")], {}, "SiLU"),
    "weights that are computed": ([op("Conv", "x x")], {}, "computed from the network's input|does not run"),
    "a softmax inside": ([op("Softmax", "x", "z"), op("Relu", "z")], {}, "only as the last operation"),
    "a largest inside": ([op("Flatten", "x", "f"), op("ArgMax", "f", "z", axis=1), op("Cast", "z", "c", to=1),
                         op("Relu", "c")], {}, r"the_argmax_z.*only|only as the last operation"),
    "the last of equal ones": ([op("Flatten", "x", "f"), op("ArgMax", "f", axis=1, select_last_index=1)], {},
                               "takes the last"),
    "a softmax along rows": ([op("Softmax", "x", axis=2)], {}, "along axis 2"),
    "a constant added": ([op("Add", "x c")], {"c": weights(1)}, "without bias"),
    "items that are mixed": ([op("Reshape", "x t")], {"t": np.array([-1])}, "items must stay apart"),
    "a mean over channels": ([op("ReduceMean", "x", axes=[1])], {}, "not over all but the channels"),
    "another clip": ([op("Clip", "x lo hi")], {"lo": np.float32(-1), "hi": np.float32(1)}, "neither ReLU"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(name: str, tmp_path: Path) -> None:
    nodes, constants, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        read_onnx(written(tmp_path, nodes, **constants))
    assert caught.value.code == "E130"


def test_what_is_no_onnx_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"\x08\x09garbage")
    with pytest.raises(InputError, match=r"net\.onnx is no ONNX file"):
        read_onnx(file)
    with pytest.raises(InputError, match="all but the first"):
        read_onnx(written(tmp_path, [op("Relu", "x")], shape=("n", "c", 6, 6)))
    with pytest.raises(InputError, match="output is its input"):
        read_onnx(written(tmp_path, [op("Identity", "x")]))
