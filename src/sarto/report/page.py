"""The report as one HTML file: no script, no font, no image and no request to anywhere, light and dark, under 300 KiB.

Returns the page as text; the same run gives the same bytes. The template escapes every value; the ledger stands in the
page a second time as JSON, in which `<`, `>` and `&` are written as escapes so that nothing in it can end its element.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sarto.core.evidence import Evidence
from sarto.report import byte_table, palette, places, tuning, views, words
from sarto.report.dynamics import dynamics
from sarto.report.run import Run
from sarto.report.stack import Stack, memory_map

if TYPE_CHECKING:
    from jinja2 import Environment

LIMIT_B = 300 * 1024
"""Most bytes of a page. Tables are cut to what a reader can use; the ledger's JSON takes what is left, newest first."""


PAGE = {"model": "page.html.j2", "network": "network.html.j2", "storage": "storage.html.j2"}
"""Template of each kind of run; networks have other sections in places."""


def environment(*, autoescape: bool) -> Environment:
    """Return the templates of this room; a name that a template uses and nobody gave is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("sarto.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html(run: Run) -> str:
    """Return the report of `run` as one self-contained HTML page."""
    from markupsafe import Markup

    from sarto.report.charts import MOST_DOTS, predictions, search_course, trade_off, tuning_course

    quality = views.quality(run)
    curves = views.trade_offs(run)
    course = views.course(run)
    matrix = run.tables.get("confusion")
    other = [e for e in reversed(run.evidence) if not places.is_placement(e)]
    listed, unlisted = views.cut(other, views.MOST_ROWS)
    shown: dict[str, Any] = dict(
        run=run,
        words=words,
        views=views,
        light=Markup(palette.variables(palette.LIGHT)),
        dark=Markup(palette.variables(palette.DARK)),
        verdict=words.verdict(run),
        headlines=views.headlines(run),
        limits=views.limits(run),
        curves=[
            (
                c,
                Markup(
                    trade_off(
                        words.name(c.cost), c.costs, c.qualities, c.chosen, c.limit, c.unit, quality.word
                    )
                ),
            )
            for c in curves
        ],
        quality=quality,
        predictions=[
            (p, Markup(predictions(p.true, p.said, i)))
            for i, p in enumerate(views.predictions(run)[: views.MOST_SCATTERS])
        ],
        front=views.front_rows(run),
        families=views.families(run),
        stacks=[
            (what, s)
            for what in (("flash",) if run.stored else ("flash", "ram"))
            if (s := _stack(run, what)) is not None
        ],
        matrix=matrix,
        groups=_rates(run, "groups", quality.rate, worst_first=True),
        classes=_rates(run, "classes", "recall", worst_first=False),
        dynamics=dynamics(run),
        markup=Markup,
        costs=views.costs(run),
        places=places,
        placement=places.newest(run.evidence),
        course=course,
        course_chart=Markup(search_course(course[0], course[1])) if course else "",
        most_dots=MOST_DOTS,
        ledger=list(reversed(listed)),
        unlisted=unlisted,
    )
    if run.kind != "model":
        trained = tuning.tunings(run.tables.get("training"))
        shown |= dict(
            bytes=byte_table.by_tensor(run.tables["bytes"]),
            before_and_after=views.before_and_after(run),
            tunings=trained,
            tuning_charts=[(Markup(chart), caption) for chart, caption in tuning_course(trained)],
        )
    template = environment(autoescape=True).get_template(PAGE[run.kind])
    frame = template.render(shown, ledger_json="", left_out=len(run.evidence))
    entries, left_out = newest(run.evidence, LIMIT_B - len(frame.encode()) - 1)
    return template.render(shown, ledger_json=Markup(script_json(entries)), left_out=left_out)


def script_json(value: Any) -> str:
    r"""Return `value` as JSON that can stand inside a script element, whatever its texts hold.

    >>> script_json("</script>&")
    '"\\u003c/script\\u003e\\u0026"'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def newest(evidence: tuple[Evidence, ...], most_b: int) -> tuple[list[dict[str, Any]], int]:
    """Return the newest entries that fit into `most_b` bytes of JSON, in order, and how many were left out."""
    kept: list[dict[str, Any]] = []
    size = 2
    for item in reversed(evidence):
        entry = item.to_json()
        size += len(script_json(entry)) + 1
        if size > most_b:
            break
        kept.append(entry)
    return kept[::-1], len(evidence) - len(kept)


def _stack(run: Run, what: str) -> Stack | None:
    table = run.tables.get("bytes" if run.stored else f"{what} map")
    figure = run.latest(what)
    return (
        None
        if table is None or not table.rows
        else memory_map(byte_table.as_map(table) if run.stored else table, figure.value if figure else None)
    )


def _rates(run: Run, name: str, rate: str, *, worst_first: bool) -> views.Rates | None:
    table = run.tables.get(name)
    return None if table is None or not table.rows else views.rates(table, rate, worst_first=worst_first)
