"""The settings that choose from data, the same wherever data are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sarto.cli import _kinds
from sarto.cli._settings import setting
from sarto.data.goal import TASKS

SECTION = "Data"


def _joined(_: click.Context, __: click.Parameter, value: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return all names of an option that was given several times."""
    return tuple(name for names in value for name in names)


def data_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the settings by which data are chosen and cut; the callback gets them by their names."""
    for declare in reversed(
        (
            setting("--group", section=SECTION, metavar="COLUMN", help="What belongs together: subject; or none."),
            setting(
                "--task", section=SECTION, type=_kinds.ChoiceKind(*TASKS), default=TASKS[0], show_default=True,
                help="What to learn: classes, numbers, or later values of channels.",
            ),
            setting("--target", section=SECTION, metavar="COLUMN", help="What holds it, if not the usual column: y,z."),
            setting(
                "--horizon", section=SECTION, type=_kinds.COUNT, metavar="STEPS",
                help="Of a forecast: from a window's end to the value.",
            ),
            setting(
                "--sequence", section=SECTION, metavar="COLUMN",
                help="Of a CSV with a row per time step: which sequence a row belongs to.",
            ),
            setting(
                "--window", section=SECTION, type=_kinds.COUNT, metavar="STEPS",
                help="Cut such sequences into windows; see also --where 'purity>=0.6'.",
            ),
            setting(
                "--hop", section=SECTION, type=_kinds.COUNT, metavar="STEPS",
                help="From one window's start to the next: the model is for a stream.",
            ),
            setting(
                "--channels", section=SECTION, multiple=True, type=_kinds.NAMES, callback=_joined,
                help="Channels by name or pattern: 'watch*'. All by default.",
            ),
            setting(
                "--where", section=SECTION, multiple=True, type=_kinds.CONDITION,
                help="Items that meet a condition: 'purity>=0.6'. Several must all hold.",
            ),
        )
    ):  # fmt: skip
        function = declare(function)
    return function


def seed_setting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--seed`, which also decides a split that the data do not bring along."""
    return setting(
        "--seed",
        section="Search",
        type=_kinds.SEED,
        default=0,
        show_default=True,
        help="Of every random draw.",
    )(function)
