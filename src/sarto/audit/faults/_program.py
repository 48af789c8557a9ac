"""A torch module as steps that can be run one by one: what `torch.fx` traces, a network of Sarto, or the whole at once.

A step takes what earlier steps gave and gives one value. Each step that needs parameters runs with the module's
own or with others. A module that cannot be traced, or whose values do not have one row for each item, is one
step.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call
from torch.nn import functional

from sarto.models.network.architecture import INPUT
from sarto.models.network.bound import Bound
from sarto.models.network.module import Network
from sarto.models.network.weights import ConvLayer, LinearLayer, WeightedLayer

Kind = Literal["layer", "pointwise", "pool", "view", "other"]
"""layer: each output channel has its own row of `weight`. pointwise, pool: each channel (each number) by itself, and
the same wherever it stands. view: the same numbers in another shape."""
_MODULES: dict[Kind, tuple[type[nn.Module], ...]] = {
    "layer": (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, LinearLayer, ConvLayer),
    "pointwise": (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.LeakyReLU),
    "pool": (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    "view": (nn.Flatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
}
_FUNCTIONS: dict[Any, Kind] = {
    **dict.fromkeys(
        (torch.relu, functional.relu, functional.relu6, functional.hardtanh, "relu", "relu_"), "pointwise"
    ),
    **dict.fromkeys((functional.leaky_relu, torch.clamp, "clamp"), "pointwise"),
    **dict.fromkeys((functional.max_pool1d, functional.max_pool2d, functional.max_pool3d), "pool"),
    **dict.fromkeys((torch.flatten, torch.reshape, "flatten", "view", "reshape", functional.dropout), "view"),
}
_NODES: dict[str, Kind] = {
    **dict.fromkeys(("linear", "conv"), "layer"),
    **dict.fromkeys(("relu", "relu6", "leaky_relu"), "pointwise"),
    "max_pool": "pool",
    **dict.fromkeys(("flatten", "reshape"), "view"),
}
LANES = 16
"""Outputs that the processors' kernels for products take at once, or a multiple of it."""
Values = Mapping[str, Any]
Changed = Mapping[str, Tensor]
"""Other parameters, by their names in the whole module."""
Layer = Callable[[nn.Module, Changed, list[Any], dict[str, Any]], Any]
"""Runs a module with other parameters, by their names in it."""


@dataclass(frozen=True, eq=False)
class Step:
    """One step.

    Attributes:
        name: of what it gives.
        inputs: names of what it takes, without those that are no values of steps.
        kind: see `Kind`.
        run: gives the value of the inputs by their names; with other parameters, by their names in its module.
        module: its module, or None.
        owns: names of the parameters that it uses, in the whole module, each with its name in the step's.
    """

    name: str
    inputs: tuple[str, ...]
    kind: Kind
    run: Callable[[Values, Changed], Any]
    module: nn.Module | None
    owns: Mapping[str, str]

    def call(self, values: Values, changed: Changed | None = None) -> Any:
        """Return the value, with other parameters if there are any of this step."""
        mine = {self.owns[n]: v for n, v in changed.items() if n in self.owns} if changed else {}
        return self.run(values, mine)


@dataclass(frozen=True, eq=False)
class Program:
    """The steps of a module in order; `whole` says that it is one step."""

    network: nn.Module
    steps: tuple[Step, ...]
    whole: bool = False

    @property
    def output(self) -> str:
        """Name of the answer."""
        return self.steps[-1].name

    def users(self, parameters: Iterable[str]) -> list[int]:
        """Return the numbers of the steps that use any of these parameters."""
        wanted = set(parameters)
        return [i for i, step in enumerate(self.steps) if wanted & set(step.owns)]


class _Tracer(fx.Tracer):
    """Takes bounds as they are, beside torch's own layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one step."""
        return isinstance(m, Bound | LinearLayer | ConvLayer) or super().is_leaf_module(
            m, module_qualified_name
        )


def settled(network: nn.Module) -> nn.Module:
    """Return a copy that stands in use: no gradients, no training, nothing done in place, weights that are used."""
    own = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    for module in own.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
        if isinstance(module, WeightedLayer):
            module.weight.copy_(module.effective)
            module.clear()
    return own


def whole_program(network: nn.Module) -> Program:
    """Return a settled module as one step."""

    def run(values: Values, changed: Changed) -> Any:
        return _with(network, changed, [values[INPUT]], {})

    return Program(
        network, (Step("output", (INPUT,), "other", run, network, _owned(network, "")),), whole=True
    )


def _owned(module: nn.Module, path: str) -> dict[str, str]:
    """Return the parameters and buffers of a module by their names in the whole one."""
    names = [n for n, _ in module.named_parameters(remove_duplicate=False)]
    names += [n for n, _ in module.named_buffers(remove_duplicate=False)]
    return {f"{path}.{n}" if path else n: n for n in names}


def _with(module: nn.Module, changed: Changed, args: list[Any], more: dict[str, Any]) -> Any:
    return functional_call(module, dict(changed), tuple(args), more) if changed else module(*args, **more)


def program(network: nn.Module, *, padded: bool = False) -> Program:
    """Return the steps of a settled module; one step where it cannot be traced.

    Args:
        network: the module.
        padded: let linear layers have a multiple of `LANES` outputs, those that are too many without weights. Products
            of other sizes are added up in an order that depends on where a row or an output stands.
    """
    run = _padded if padded else _with
    if isinstance(network, Network):
        return Program(network, tuple(_node_steps(network, run)))
    try:
        graph = _Tracer().trace(network)
    except Exception:  # whatever stands in the module's program may fail on a proxy
        return whole_program(network)
    modules = dict(network.named_modules())
    steps = list[Step]()
    named: dict[fx.Node, str] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            if INPUT in named.values():
                if node.args or node.users:
                    return whole_program(network)
                continue
            named[node] = INPUT
        elif node.op == "output":
            if not isinstance(node.args[0], fx.Node) or named[node.args[0]] != (
                steps[-1].name if steps else ""
            ):
                return whole_program(network)
        else:
            named[node] = f"{node.name}" if node.name != INPUT else "input_"
            steps.append(_traced(network, node, modules, dict(named), run))
    return Program(network, tuple(steps)) if steps else whole_program(network)


def _padded(module: nn.Module, changed: Changed, args: list[Any], more: dict[str, Any]) -> Any:
    """Return what `_with` does; a linear layer as one of more outputs."""
    if not isinstance(module, nn.Linear | LinearLayer):
        return _with(module, changed, args, more)
    weight, bias = changed.get("weight", module.weight), changed.get("bias", module.bias)
    outputs = len(weight)
    spare = -outputs % LANES
    wide = None if bias is None else functional.pad(bias, (0, spare))
    return functional.linear(args[0], functional.pad(weight, (0, 0, 0, spare)), wide)[
        ..., :outputs
    ].contiguous()


def _node_steps(network: Network, run_layer: Layer) -> Sequence[Step]:
    """Return the steps of a network of Sarto: its nodes."""

    def step(node: Any) -> Step:
        layer = dict(network.layers.items()).get(node.name)

        def run(values: Values, changed: Changed) -> Any:
            inputs = [values[name] for name in node.inputs]
            y = (
                network.apply_node(node, inputs)
                if layer is None
                else run_layer(layer, changed, inputs[:1], {})
            )
            return network.quantisers[node.name](y) if node.name in network.quantisers else y

        kind: Kind = "other" if node.name in network.quantisers else _NODES.get(node.op, "other")
        if isinstance(layer, Bound) and layer.low.ndim == 0:
            kind = "pointwise"
        owns = {} if layer is None else _owned(layer, f"layers.{node.name}")
        return Step(node.name, tuple(node.inputs), kind, run, layer, owns)

    return [step(node) for node in network.architecture.nodes]


def _traced(
    network: nn.Module,
    node: fx.Node,
    modules: dict[str, nn.Module],
    named: dict[fx.Node, str],
    run_layer: Layer,
) -> Step:
    """Return the step of a node of a traced graph."""
    inputs = tuple(named[n] for n in node.all_input_nodes)
    target = node.target
    if node.op == "get_attr":
        path = str(target)
        owner, _, own = path.rpartition(".")

        def attribute(values: Values, changed: Changed) -> Any:
            return changed.get(own, getattr(network.get_submodule(owner), own))

        return Step(named[node], (), "other", attribute, None, {path: own})
    kwargs = {k: v for k, v in node.kwargs.items() if k != "inplace"}

    def arguments(values: Values) -> tuple[list[Any], dict[str, Any]]:
        def filled(tree: Any) -> Any:
            return fx.map_arg(tree, lambda n: values[named[n]])

        return list(filled(node.args)), dict(filled(kwargs))

    if node.op == "call_module":
        module = modules[str(target)]
        kinds: list[Kind] = [what for what, known in _MODULES.items() if type(module) in known]
        if isinstance(module, Bound) and module.low.ndim == 0:
            kinds = ["pointwise"]

        def layer(values: Values, changed: Changed) -> Any:
            return run_layer(module, changed, *arguments(values))

        return Step(
            named[node], inputs, kinds[0] if kinds else "other", layer, module, _owned(module, str(target))
        )
    called = target if isinstance(target, str) else target.__name__
    in_place = called.endswith("_") or (called.startswith("i") and getattr(operator, called, None) is target)

    def function(values: Values, changed: Changed) -> Any:
        args, more = arguments(values)
        if in_place and isinstance(args[0], Tensor):
            args[0] = args[0].clone()
        if isinstance(target, str):
            return getattr(args[0], target)(*args[1:], **more)
        return target(*args, **more)

    plain = len(node.all_input_nodes) == 1
    return Step(
        named[node], inputs, _FUNCTIONS.get(target, "other") if plain else "other", function, None, {}
    )
