"""Settings: options that may also stand in the environment or in a file of the working folder.

Precedence: flag > environment `SARTO_NAME` > `sarto.toml`, or `[tool.sarto]` of `pyproject.toml` > default. The key in
the file is the flag without its dashes (`min-accuracy = 0.85`); an unknown key is refused, since a misspelt limit would
otherwise be no limit. A `sarto.toml` hides `[tool.sarto]`.

>>> option = Setting(["--min-accuracy"], section="Budget")
>>> option.key, option.envvar
('min-accuracy', 'SARTO_MIN_ACCURACY')
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from sarto.cli._failures import nearest
from sarto.core.errors import SartoError

F = TypeVar("F", bound=Callable[..., Any])

ENVIRONMENT = "SARTO_"
NOT_SETTINGS = {"SARTO_DATA"}
"""Variables of that name that are no settings: where real data for tests and benchmarks lie."""


class Setting(click.Option):
    """An option of a verb; `section` is its heading in the help."""

    def __init__(self, declarations: Sequence[str], section: str, **fields: Any) -> None:
        self.section = section
        self.key = max(declarations, key=len).lstrip("-")
        super().__init__(declarations, envvar=ENVIRONMENT + self.key.upper().replace("-", "_"), **fields)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return what flag and environment say, else what the file says, else the default."""
        value, source = super().consume_value(ctx, opts)
        if ctx.resilient_parsing:
            return value, source
        config = _config(ctx)
        if source is ParameterSource.DEFAULT and self.key in config.values:
            value, source = _as_option(config.values[self.key], self.multiple), ParameterSource.DEFAULT_MAP
        if source in (ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP) and not self.is_flag:
            words: list[str] = ctx.meta.setdefault("sarto.untyped", [])
            for word in list(value) if self.multiple else [value]:
                words += [f"--{self.key}", str(word)]
        return value, source


def setting(*declarations: str, section: str, **fields: Any) -> Callable[[F], F]:
    """Return the decorator that adds a `Setting` to a verb."""
    return click.option(*declarations, cls=Setting, section=section, **fields)


@dataclass(frozen=True)
class Config:
    """The settings of a file: `source` names it in messages."""

    source: str
    values: Mapping[str, Any]


def read_config(folder: Path, settings: Callable[[], Sequence[str]]) -> Config:
    """Return the settings that stand in `folder`, none if there is no file.

    Args:
        folder: the working folder.
        settings: returns the keys that are settings; asked only when there is a file.

    Raises:
        SartoError: E112, when the file is not TOML, or a key is unknown or has a value of the wrong kind.
    """
    own, project = folder / "sarto.toml", folder / "pyproject.toml"
    if own.is_file():
        source, values = "sarto.toml", _toml(own)
    elif project.is_file():
        source = "[tool.sarto] of pyproject.toml"
        values: Any = _toml(project).get("tool", {}).get("sarto", {})
        if not isinstance(values, dict):
            raise SartoError(
                "E112", "'sarto' in [tool] of pyproject.toml is not a table", hint="write [tool.sarto]"
            )
        values = cast("dict[str, Any]", values)
    else:
        return Config("", {})
    known = settings() if values else ()
    for key, value in values.items():
        if key not in known:
            hint = nearest(key, known) or f"the settings are {', '.join(known)}"
            raise SartoError(
                "E112", f"'{key}' in {source} is not a setting", cause="no flag has that name", hint=hint
            )
        parts: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int | float) for part in parts):
            kind = (
                "a table"
                if isinstance(value, dict)
                else "neither a text, a number, true or false, nor a list of those"
            )
            raise SartoError("E112", f"'{key}' in {source} is {kind}", hint=f"write it as in: {key} = ...")
    return Config(source, values)


def misspelt_variables(settings: Callable[[], Sequence[str]]) -> list[str]:
    """Return a warning for each variable `SARTO_*` of the environment that is no setting."""
    found = {name for name in os.environ if name.startswith(ENVIRONMENT)} - NOT_SETTINGS
    known = settings() if found else ()
    names = {ENVIRONMENT + key.upper().replace("-", "_") for key in known}
    strangers = sorted(found - names)
    return [" ".join(filter(None, (f"{name} is not a setting.", nearest(name, names)))) for name in strangers]


def untyped_words(context: click.Context) -> list[str]:
    """Return the settings that came from the environment or a file, as the flags that say the same."""
    return list(context.meta.get("sarto.untyped", []))


def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # only where there is a file: it takes a tenth of the time of `--help`

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SartoError(
            "E112", f"{path.name} cannot be read", cause=str(error), hint="mend it, or move it away"
        ) from None


def _as_option(value: Any, multiple: bool) -> Any:
    """Return the value of a key as the option takes it: a list for one that may be given several times, else a text."""
    parts = cast("list[Any]", value) if isinstance(value, list) else [value]
    return parts if multiple else ",".join(map(str, parts))


def _config(context: click.Context) -> Config:
    """Return the settings of the working folder, read once in a call."""
    root = context.find_root()
    if "sarto.settings" not in root.meta:

        def settings() -> Sequence[str]:
            return sorted(_known(root))

        root.meta["sarto.settings"] = read_config(Path(), settings)
        root.meta["sarto.config"] = root.meta["sarto.settings"].source
        for warning in misspelt_variables(settings):
            click.echo(f"warning: {warning}", err=True)
    return root.meta["sarto.settings"]


def _known(root: click.Context) -> set[str]:
    assert isinstance(root.command, click.Group)
    verbs = [root.command.get_command(root, name) for name in root.command.list_commands(root)]
    return {p.key for verb in verbs if verb is not None for p in verb.params if isinstance(p, Setting)}
