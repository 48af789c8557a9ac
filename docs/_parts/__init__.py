"""What pages take over from the sources, so that it is never stale: one file for each kind of part.

A page asks for a part in Jinja's way, `{{ cell("ring") }}`; `PARTS` lists what it can ask for. A part that cannot be
given raises `LookupError`, which ends the build with its words.

>>> "page.md: {} pages of errors".format(rendered("{{ errors() }}").count("## E") > 20)
'page.md: True pages of errors'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import Environment, StrictUndefined

from docs._parts.cell_pages import cell, cells
from docs._parts.command_line import command_line
from docs._parts.devices import devices, links, platforms
from docs._parts.errors import errors
from docs._parts.families import families
from docs._parts.included import included
from docs._parts.names import names
from docs._parts.results import bars, compared, figure, figures
from docs._parts.steps import steps

PARTS: Mapping[str, Callable[..., str]] = {
    part.__name__: part
    for part in (
        bars,
        cell,
        cells,
        command_line,
        compared,
        devices,
        errors,
        families,
        figure,
        figures,
        included,
        links,
        names,
        platforms,
        steps,
    )
}


def rendered(markdown: str) -> str:
    """Return a page with its parts in their places.

    Raises:
        LookupError: when a part has no source; jinja2's errors, when the page asks for none that there is.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals.update(PARTS)
    return environment.from_string(markdown).render()
