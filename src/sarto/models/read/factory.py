"""Reads a network that a Python function makes: `file.py:factory`, and its weights from a safetensors file.

The function is the user's own and is run, as any program of theirs is; its module is traced by `torch.fx`, layer by
layer. A network of Sarto's own is taken as it is, a nested one at full width. A state is read from safetensors only,
since a `.pt` file is a pickle, which runs whatever is in it.

>>> import tempfile, pathlib
>>> program = '''
... from torch import nn
... def make():
...     return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3))
... '''
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "net.py")
...     _ = file.write_text(program)
...     net = read_factory(f"{file}:make", None, (2, 8))
>>> [n.op for n in net.architecture.nodes]
['conv', 'relu', 'flatten', 'linear']
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import runpy
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.operations import Shape
from sarto.models.read._sketch import Read
from sarto.models.read.module import read_module


def read_factory(place: str, state: Path | None, shape: Shape) -> Read:
    """Return the network that a function makes.

    Args:
        place: `file.py:function`; the function takes no argument and returns a `torch.nn.Module`.
        state: a safetensors file with its state, or None for the weights that the function gives it.
        shape: of one item, without the batch.

    Raises:
        InputError: E130, when there is no such function, it does not run, the state is not its module's, or a layer
            cannot be read.
    """
    module = _made(place).eval()
    if state is not None:
        _load(module, state)
    name = place.rpartition(":")[2]
    own = _own(module, name)
    return Read(own.architecture, own.arrays()) if own is not None else read_module(module, shape, name)


def _own(module: nn.Module, name: str) -> Network | None:
    """Return the module as a network of Sarto's, or None where it is not one."""
    if isinstance(module, DynamicNetwork):
        if module.has_own_heads:
            raise InputError(
                "E130",
                f"{name} has a head for each width",
                cause="what is read is one network, that of full width",
                hint="give it a shared head: polish it",
            )
        return module.whole
    return module if isinstance(module, Network) else None


def _made(place: str) -> nn.Module:
    file, _, name = place.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InputError(
            "E130", f"there is no file {path.name}", cause=f"'{place}' is read as FILE.py:FUNCTION"
        )
    try:
        make = runpy.run_path(str(path)).get(name)
    except (Exception, SystemExit) as error:
        raise _failed(f"{path.name} does not run", error) from error
    if not callable(make):
        raise InputError(
            "E130", f"{path.name} has no function '{name}'", cause=f"'{place}' is FILE.py:FUNCTION"
        )
    try:
        made = make()
    except (Exception, SystemExit) as error:
        raise _failed(f"'{name}' of {path.name} does not run", error) from error
    if not isinstance(made, nn.Module):
        raise InputError(
            "E130", f"'{name}' returns {type(made).__name__}", cause="it must return a torch.nn.Module"
        )
    return made


def _failed(what: str, error: BaseException) -> InputError:
    """Return the error for a program of the user that ends with one."""
    return InputError(
        "E130",
        what,
        cause=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
        hint="the file is run as it is, and the function without an argument: try both in Python",
    )


def _load(module: nn.Module, state: Path) -> None:
    try:
        module.load_state_dict(load_file(state))
    except (SafetensorError, OSError) as error:
        raise InputError(
            "E130",
            f"{state.name} is no safetensors file",
            cause=str(error)[:200],
            hint="write it with safetensors.torch.save_file; a .pt file is a pickle and is not read",
        ) from error
    except RuntimeError as error:
        raise InputError(
            "E130", f"{state.name} is not the state of the module", cause=" ".join(str(error).split())[:300]
        ) from error
