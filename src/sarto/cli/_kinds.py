"""Kinds of values on the command line: what a word becomes, and how a wrong one is refused.

Every refusal names the place the word came from: the flag, the environment variable, or the key of the file.

>>> QuantityKind("byte").convert("64kB", None, None), COUNT.convert("12", None, None)
(64000.0, 12)
>>> NAMES.convert("esn, ring", None, None)
('esn', 'ring')
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from sarto.cli._failures import nearest, place_of
from sarto.core.errors import SartoError

COSTS = {
    "flash_b": "flash",
    "ram_b": "ram",
    "instructions": "instructions",
    "latency_s": "latency",
    "energy_j": "energy",
}
"""Field of a budget -> option, of the limits that every verb with a budget has."""


class Kind(click.ParamType):  # pyright: ignore[reportMissingTypeArgument] (generic from click 8.5 on)
    """A kind of value; `read` turns a word into the value or raises a `SartoError`."""

    def read(self, text: str) -> Any:
        """Return the value that `text` stands for."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of `value`, which may have been read before."""
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
        try:
            return self.read(text)
        except SartoError as error:
            message = (
                f"{place_of(param, ctx)}: {error.message}"
                if isinstance(param, click.Option)
                else error.message
            )
            raise SartoError(error.code, message, cause=error.cause, hint=error.hint) from None


def _refuse(message: str, cause: str, hint: str) -> NoReturn:
    raise SartoError("E112", message, cause=cause, hint=hint)


class QuantityKind(Kind):
    """A number with its unit, as `core.units` reads it, above 0 or also 0; the value is in the base unit."""

    def __init__(self, dimension: str, *, zero: bool = False) -> None:
        self.dimension, self.zero = dimension, zero
        self.name = {"byte": "bytes"}.get(dimension, dimension)

    def read(self, text: str) -> float:
        """Return the quantity in its base unit, such as B, s or J."""
        from sarto.core.units import parse_quantity

        return parse_quantity(text, self.dimension, zero=self.zero).value


class RatioKind(Kind):
    """A share of one, as `0.85` or `85%`."""

    name = "ratio"

    def read(self, text: str) -> float:
        """Return the share."""
        from sarto.core.units import parse_ratio

        return parse_ratio(text)


class CountKind(Kind):
    """A whole number, at least `least` and at most `most`."""

    name = "n"

    def __init__(self, least: int = 1, most: int = 2**63 - 1) -> None:
        self.least, self.most = least, most

    def read(self, text: str) -> int:
        """Return the number."""
        if not re.fullmatch(r"[+-]?\d+", text):
            _refuse(
                f"'{text}' is not a whole number",
                "a count is needed, without a unit",
                f"as in {max(self.least, 8)}",
            )
        if int(text) < self.least:
            _refuse(f"{text} is too small", f"it must be at least {self.least}", f"give {self.least} or more")
        if int(text) > self.most:
            _refuse(f"{text} is too large", f"it must be at most {self.most}", f"give {self.most} or less")
        return int(text)


class PositiveKind(Kind):
    """A number above zero, without a unit."""

    name = "x"

    def read(self, text: str) -> float:
        """Return the number."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            _refuse(
                f"'{text}' is not a number above zero",
                "it must be larger than zero and finite",
                "as in 0.0024",
            )
        return value


class ChoiceKind(Kind):
    """One of a few words, compared without regard to case."""

    name = "choice"

    def __init__(self, *words: str) -> None:
        self.words: tuple[str, ...] = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the words for the help page."""
        return "|".join(self.words)

    def read(self, text: str) -> str:
        """Return the word as it is written here."""
        found = next((word for word in self.words if word.lower() == text.lower()), None)
        if found is None:
            known = (
                f"there is {' and '.join(self.words)}"
                if len(self.words) < 3
                else f"there are {', '.join(self.words)}"
            )
            _refuse(
                f"'{text}' is not one of the choices",
                known,
                nearest(text, self.words) or f"as in {next(iter(self.words))}",
            )
        return found

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the words that begin with `incomplete`."""
        return [CompletionItem(word) for word in self.words if word.lower().startswith(incomplete.lower())]


class NamesKind(Kind):
    """Names with commas between them; `known` checks each, and raises E111 for one that is not there."""

    name = "names"
    envvar_list_splitter = ";"

    def __init__(self, known: Callable[[], Sequence[str]] | None = None, what: str = "") -> None:
        self.known = known
        self.what = what

    def read(self, text: str) -> tuple[str, ...]:
        """Return the names."""
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        if not names:
            _refuse(
                f"'{text}' names nothing",
                "names with commas between them are needed",
                "leave it out to take all",
            )
        if self.known is not None:
            known = self.known()
            for name in names:
                if name not in known:
                    hint = nearest(name, known) or f"known: {', '.join(known)}"
                    raise SartoError(
                        "E111",
                        f"'{name}' is not {self.what}",
                        cause="there is no file of that name",
                        hint=hint,
                    )
        return names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the known names that can follow the last comma."""
        before, comma, last = incomplete.rpartition(",")
        names = self.known() if self.known is not None else ()
        return [CompletionItem(before + comma + name) for name in names if name.startswith(last)]


class ConditionKind(Kind):
    """A condition on a column, which `sarto.data` decides."""

    name = "condition"
    envvar_list_splitter = ";"

    def read(self, text: str) -> str:
        """Return the condition."""
        if not text.strip():
            _refuse("an empty condition", "it is a column, a comparison and a value", "as in 'purity>=0.6'")
        return text.strip()


class DeviceKind(Kind):
    """A device that has a file in `sarto.devices`, or the path of a device file."""

    name = "name"

    def read(self, text: str) -> str:
        """Return the name or the path, after reading the file."""
        from sarto.devices import any_device

        any_device(text)
        return text

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the devices that begin with `incomplete`, with what they are."""
        from sarto.devices import any_device, devices

        return [CompletionItem(n, help=any_device(n).title) for n in devices() if n.startswith(incomplete)]


class PlatformKind(Kind):
    """A platform that has a file in `sarto.devices.platforms`, or the path of a platform file."""

    name = "name"

    def read(self, text: str) -> str:
        """Return the name or the path, after reading the file."""
        from sarto.devices.platforms import platform

        platform(text)
        return text

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the platforms that begin with `incomplete`, with what they are."""
        from sarto.devices.platforms import platform, platforms

        return [CompletionItem(n, help=platform(n).title) for n in platforms() if n.startswith(incomplete)]


class LinksKind(Kind):
    """One link of `sarto.devices.links` or two with a comma between them, or paths of link files."""

    name = "link[,link]"

    def read(self, text: str) -> tuple[str, ...]:
        """Return the names and paths, after reading each."""
        from sarto.devices.links import link

        names = tuple(name.strip() for name in text.split(","))
        if len(names) > 2:
            _refuse(
                f"'{text}' names {len(names)} links",
                "one leads from the sensor to the gateway, a second from there to the server",
                "give one link or two",
            )
        for name in names:
            link(name)
        return names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the links that can follow the last comma, with what they are."""
        from sarto.devices.links import link, links

        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(before + comma + n, help=link(n).title) for n in links() if n.startswith(last)]


class TitleKind(Kind):
    """A name for people: any printable text that is not empty."""

    name = "name"

    def read(self, text: str) -> str:
        """Return the name without blanks around it."""
        if not text.strip() or not text.strip().isprintable():
            _refuse(
                "it is empty, or not printable", "it is the title of the report", "as in 'Watch, left wrist'"
            )
        return text.strip()


class GateKind(Kind):
    """A figure that may not get worse, and what is allowed; `sarto.report.gate` decides what it means."""

    name = "gate"
    envvar_list_splitter = ";"

    def read(self, text: str) -> str:
        """Return the gate."""
        if not text.partition(":")[0].strip():
            _refuse(
                f"'{text}' names no figure", "its name is needed, and may have an allowance", "as in flash:2%"
            )
        return text.strip()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the limits of a budget that begin with `incomplete`, and `all`; shells part names at blanks."""
        from sarto.core.budget import LIMITS

        names = ["all", *(name for name, _ in LIMITS.values() if " " not in name)]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class AuditGateKind(Kind):
    """A gate of an audit, which `sarto.audit.gates` reads; its metrics are looked up later."""

    name = "gate"
    envvar_list_splitter = ";"

    def read(self, text: str) -> str:
        """Return the gate after reading it."""
        from sarto.audit.gates import read_gate

        return read_gate(text).text


def _cells() -> list[str]:
    from sarto.core.rooms import methods

    return methods("sarto.models.reservoir")


def _families() -> list[str]:
    from sarto.core.rooms import methods

    return methods("sarto.search.families")


BYTES, TIME, ENERGY, RATIO = QuantityKind("byte"), QuantityKind("time"), QuantityKind("energy"), RatioKind()
IDLE, FREQUENCY = QuantityKind("power", zero=True), QuantityKind("frequency")
COUNT, SEED, POSITIVE = CountKind(), CountKind(least=0, most=2**32 - 1), PositiveKind()
NAMES, CELLS, CONDITION = NamesKind(), NamesKind(_cells, "a cell"), ConditionKind()
FAMILIES = NamesKind(_families, "a family")
DEVICE, PLATFORM, LINKS = DeviceKind(), PlatformKind(), LinksKind()
TITLE, GATE = TitleKind(), GateKind()
AUDIT_GATE = AuditGateKind()
