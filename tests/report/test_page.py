from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest

from sarto.core.budget import Budget
from sarto.core.evidence import How, Ledger
from sarto.report import card, html, read_run
from sarto.report.page import LIMIT_B, script_json
from tests.report.browser import Browser
from tests.report.reader import LOOK
from tests.report.sample import CLASSES, Sample
from tests.report.stored import Stored

NUMBERS = (('temp <b>&"é', "degC"), ("load", ""))
HUGE = Sample(
    classes=tuple(f"class number {i} <&>" for i in range(70)), groups=500, points=200, trials=3000, measurements=60,
    tensors=300,
)  # fmt: skip
VARIATIONS: dict[str, Sample | Stored] = {
    "fits": Sample(findings=(("accuracy of S07", "warning", "12 points below the mean <of> all"),)),
    "fails": Sample(
        groups=None,
        budget=Budget(flash_b=8000, ram_b=2000, latency_s=0.02, min_accuracy=0.95),
        instructions=False,
        window={"length_steps": 128, "hop_steps": 64, "banks": 2},
    ),
    "bare": Sample(groups=None, tables=(), points=1, budget=Budget(), classes=("a", "b")),
    "numbers": Sample(classes=(), outputs=NUMBERS, budget=Budget(flash_b=32768, min_r2=0.9)),
    "dynamics": Sample(reservoir=1),
    "deep dynamics": Sample(reservoir=3),
    "no points": Sample(points=0, trials=1, tensors=3),
    "widest matrix": Sample(
        classes=tuple(f"class {i}" for i in range(30)), groups=500, points=200, trials=3000, measurements=60,
        tensors=300,
    ),
    "huge": HUGE,
    "stored": Stored(),
}  # fmt: skip
VOID = {"meta", "link", "br", "img", "input", "hr", "wbr"}
SHAPES = {"rect", "line", "circle", "path", "use"}


class Node:
    def __init__(self, tag: str, attributes: dict[str, str], parent: Node | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Node | str] = []

    def walk(self) -> list[Node]:
        return [self, *(n for c in self.children if isinstance(c, Node) for n in c.walk())]

    def has(self, name: str) -> bool:
        return name in self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    @property
    def ancestors(self) -> list[Node]:
        return [] if self.parent is None else [self.parent, *self.parent.ancestors]


class Tree(HTMLParser):
    """Builds the tree of a page and fails on an element that is not closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root = self.here = Node("root", {}, None)
        self.feed(page)
        self.close()
        assert self.here is self.root, f"{self.here.tag} is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {k: v or "" for k, v in attrs}, self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHAPES, f"<{tag}/> closes nothing in HTML"
        self.here.children.append(Node(tag, {k: v or "" for k, v in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag and self.here.parent is not None, f"</{tag}> inside <{self.here.tag}>"
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of every variation, each beside the folder it was made from."""
    made: dict[str, Path] = {}
    for name, sample in VARIATIONS.items():
        folder = sample.write(tmp_path_factory.mktemp("out"))
        made[name] = folder / "report.html"
        made[name].write_text(html(read_run(folder)), encoding="utf-8")
    return made


def page_of(pages: dict[str, Path], name: str) -> tuple[str, Node]:
    text = pages[name].read_text(encoding="utf-8")
    return text, Tree(text).root


EACH = pytest.mark.parametrize("name", VARIATIONS)


@EACH
def test_a_page_is_small_and_asks_nothing_of_the_network(pages: dict[str, Path], name: str) -> None:
    text, root = page_of(pages, name)
    assert len(text.encode()) <= LIMIT_B == 300 * 1024
    for node in root.walk():
        assert node.tag not in {"link", "img", "iframe", "object", "embed", "video", "audio", "base", "form"}
        assert "src" not in node.attributes
        assert node.attributes.get("href", "#").startswith("#")
        assert not [a for a in node.attributes if a.startswith("on")]
        assert node.tag != "script" or node.attributes["type"] == "application/json"
    styles = "".join(n.text for n in root.walk() if n.tag == "style")
    assert not re.search("https?:", text) and "@import" not in styles and "url(" not in styles


@EACH
def test_the_ledger_reads_back_equal_from_the_page(pages: dict[str, Path], name: str) -> None:
    text, root = page_of(pages, name)
    (script,) = [n for n in root.walk() if n.tag == "script"]
    entries = json.loads(script.text)
    ledger = [e.to_json() for e in Ledger(pages[name].parent / "evidence.jsonl")]
    ledger = json.loads(json.dumps(ledger))
    left_out = len(ledger) - len(entries)
    assert entries == ledger[left_out:] and entries
    assert (left_out > 0) == (f"without the {left_out} oldest entries" in text)
    assert (left_out > 0) == (VARIATIONS[name].measurements > 1)


def test_nothing_ends_the_element_that_json_stands_in() -> None:
    hostile = {"a": "</script><script>alert(1)</script><!-- &amp; \u2028"}
    assert not re.search(r"[<>&\u2028]", script_json(hostile))
    assert json.loads(script_json(hostile)) == hostile


def test_names_are_text_and_never_markup(pages: dict[str, Path]) -> None:
    _, root = page_of(pages, "fits")
    assert not [n for n in root.walk() if n.tag in {"i", "us", "of", "z", "assumed"}]
    texts = [n.text for n in root.walk()]
    for label in (*CLASSES, 'watch <b>&"é', "S07 <i>", "12 points below the mean <of> all", "gyro <z>"):
        assert any(label in t for t in texts), label
    heads = [n.text for n in root.walk() if n.tag == "th"]
    assert [h for h in heads if h in CLASSES].count(CLASSES[1]) == 3  # the matrix twice, the rates once


def how_of(node: Node) -> str:
    """The `how` that a figure claims, its own or that of the table around it."""
    return next((n.attributes["data-how"] for n in (node, *node.ancestors) if "data-how" in n.attributes), "")


def tags(node: Node) -> set[str]:
    return {n.text for n in node.walk() if n.has("how")}


def says_how(node: Node) -> set[str]:
    """The kinds of evidence that a reader sees for a figure: beside it, or in the head of its row, column or table."""
    for around in (node, *node.ancestors):
        if around.tag in {"p", "dd", "figure", "ul", "h2", "h3"} and tags(around):
            return tags(around)
        if around.tag in {"td", "th"}:
            row = around.parent
            assert row is not None
            table = next(n for n in row.ancestors if n.tag == "table")
            heads = next(n for n in table.walk() if n.tag == "tr")
            cells = [n for n in row.children if isinstance(n, Node)]
            head = [n for n in heads.children if isinstance(n, Node)][cells.index(around)]
            caption = next((n for n in table.walk() if n.tag == "caption"), table)
            return tags(row) or tags(head) or (tags(caption) if caption is not table else set())
    return set()


@EACH
def test_nothing_is_shown_without_its_how(pages: dict[str, Path], name: str) -> None:
    _, root = page_of(pages, name)
    figures = [n for n in root.walk() if n.has("fig")]
    assert len(figures) > 20
    for node in figures:
        assert how_of(node) in get_args(How), node.text
        assert how_of(node) in says_how(node), f"{node.text} does not say that it was {how_of(node)}"


@EACH
def test_no_quantity_stands_outside_a_figure_unless_its_how_is_beside_it(
    pages: dict[str, Path], name: str
) -> None:
    _, root = page_of(pages, name)
    quantity = re.compile(r"\d[\s\u00a0]?(%|[kM]?B|m?s|[mµ]?J|points|instructions)(?!\w)")
    for node in root.walk():
        if node.tag in {"style", "script", "code", "title", "svg"} or any(
            n.tag == "svg" for n in node.ancestors
        ):
            continue
        for child in node.children:
            if isinstance(child, str) and quantity.search(child) and not node.has("fig"):
                limit_only = name in {"fails"} and "nobody measured" in child
                row = next((n for n in (node, *node.ancestors) if n.tag == "tr"), None)
                unmeasured = row is not None and "not measured" in row.text
                axis = node.parent is not None and node.parent.has("strip")
                finding = any(n.has("findings") for n in node.ancestors)
                assert (
                    says_how(node) or limit_only or unmeasured or axis or finding or "95 % interval" in child
                ), child


@EACH
def test_a_page_can_be_found_ones_way_in_without_seeing_it(pages: dict[str, Path], name: str) -> None:
    _, root = page_of(pages, name)
    nodes = root.walk()
    assert [n.attributes for n in nodes if n.tag == "html"] == [{"lang": "en"}]
    levels = [int(n.tag[1]) for n in nodes if re.fullmatch("h[1-6]", n.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [n.attributes["id"] for n in nodes if "id" in n.attributes]
    assert len(ids) == len(set(ids))
    for node in nodes:
        if node.tag == "th":
            assert node.attributes["scope"] in {"row", "col"}
        if node.tag == "svg":
            assert node.attributes.get("aria-hidden") == "true" or node.attributes["aria-label"]
        if node.has("scroll"):
            assert node.attributes["tabindex"] == "0" and node.attributes["aria-label"]
        if node.tag == "a":
            assert node.attributes["href"][1:] in ids
        if "aria-labelledby" in node.attributes:
            assert node.attributes["aria-labelledby"] in ids
        if node.tag == "table":
            width = [
                len([c for c in r.children if isinstance(c, Node)]) for r in node.walk() if r.tag == "tr"
            ]
            spans = sum(int(c.attributes.get("colspan", 1)) - 1 for c in node.walk())
            assert sum(width) + spans == width[0] * len(width)


def test_the_verdict_comes_first_and_says_what_binds(pages: dict[str, Path]) -> None:
    for name, state, words in [
        ("fits", "good", "Fits cortex_m4: the binding limit is test accuracy"),
        ("fails", "bad", "Does not fit cortex_m4: nobody measured the latency"),
        ("bare", "good open", "No budget was set"),
    ]:
        _, root = page_of(pages, name)
        first = next(n for n in root.walk() if n.tag == "section")
        assert first.attributes["id"] == "verdict"
        assert first.attributes["class"] == state
        assert next(n for n in first.walk() if n.tag == "h2").text.startswith(words)


def test_what_is_missing_is_said_and_not_left_blank(pages: dict[str, Path]) -> None:
    _, root = page_of(pages, "bare")
    memory = next(n for n in root.walk() if n.attributes.get("id") == "memory")
    assert "not measured: run sarto measure OUT --device cortex_m4" in memory.text
    cost = next(n for n in root.walk() if n.attributes.get("id") == "cost")
    assert "not measured: run perf stat" in cost.text
    assert "nobody can say for whom the model fails" in root.text
    _, root = page_of(pages, "no points")
    assert "The search kept no operating point." in root.text


def test_what_only_some_runs_state_is_shown_where_they_do(pages: dict[str, Path]) -> None:
    _, root = page_of(pages, "fits")
    assert "the scale of a count was chosen in calibration." in root.text
    assert "7 candidates that could not fit were dropped untrained" in root.text
    assert "compiled with-Os" in root.text
    content = json.loads((pages["bare"].parent / "artifact.json").read_text(encoding="utf-8"))
    del content["optimise"], content["input"]["chosen"]
    run = read_run(pages["bare"].parent)
    search = {k: v for k, v in run.provenance["search"].items() if k != "dropped"}
    page = html(replace(run, artifact=content, provenance={**run.provenance, "search": search}))
    assert not any(words in page for words in ("compiled with", "their scale", "dropped untrained"))


def test_the_scale_of_a_channel_is_given_exactly(tmp_path: Path) -> None:
    run = read_run(Sample().write(tmp_path))
    scale = 2.0**-14 + 2.0**-40
    channel = {"name": "x", "unit": "g", "scale": scale}
    run = replace(run, artifact={**run.artifact, "input": {"bits": 16, "channels": [channel]}})
    assert f"<td>{scale!r} g</td>" in html(run)
    assert f"one count is {scale!r} g (x)" in card(run)


def test_the_memory_map_shows_every_byte(pages: dict[str, Path]) -> None:
    sample = VARIATIONS["fits"]
    assert isinstance(sample, Sample)
    _, root = page_of(pages, "fits")
    maps = [n for n in root.walk() if n.has("parts")]
    assert len(maps) == 2
    for table, total in zip(maps, (sample.flash_b, sample.ram_b), strict=True):
        rows = [r for r in table.walk() if r.tag == "tr"][1:-1]
        sizes = [int(r.walk()[-3].attributes["value"]) for r in rows if r.walk()[-3].tag == "data"]
        assert len(sizes) == len(rows)
        assert sum(sizes) == total
        assert f"{total:,}" in [r for r in table.walk() if r.tag == "tr"][-1].text


def test_the_same_run_gives_the_same_bytes_in_any_process(pages: dict[str, Path]) -> None:
    folder = pages["fits"].parent
    code = (
        "import sys,pathlib,hashlib,sarto.report as r; "
        "print(hashlib.sha256(r.html(r.read_run(pathlib.Path(sys.argv[1]))).encode()).hexdigest())"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1
    text = pages["fits"].read_text(encoding="utf-8")
    assert text == html(read_run(folder))


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Browser(chromium, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 375, 320])
@EACH
def test_a_person_can_read_it_in_a_browser(
    pages: dict[str, Path], browser: Browser, name: str, width: int, dark: bool
) -> None:
    browser.open(pages[name], width=width, dark=dark)
    look = browser.run(LOOK)
    assert browser.complaints() == []
    assert browser.requests() == [pages[name].as_uri()]
    assert look["width"] <= look["inner"] == width
    assert look["outside"] == []
    assert look["texts"] > 100
    assert look["least"] >= 4.5, f"contrast {look['least']:.2f} at {look['where']!r}"
    assert (sum(look["paper"]) < 150) == dark


@pytest.mark.parametrize("name", ["fits", "fails", "bare"])
def test_print_is_light_even_from_a_dark_screen_and_fits_a_sheet(
    pages: dict[str, Path], browser: Browser, name: str
) -> None:
    sheet = round((210 - 20) / 25.4 * 96)  # A4 with a margin of 1 cm, in CSS pixels
    browser.open(pages[name], width=sheet, dark=True, media="print")
    look = browser.run(LOOK)
    assert look["width"] <= sheet
    assert sum(look["paper"]) > 700
    assert look["least"] >= 4.5
