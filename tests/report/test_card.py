from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sarto.core.budget import Budget
from sarto.report import card, read_run
from sarto.report.card import code, escape
from tests.report.sample import CLASSES, COMMAND, Sample

MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")
VARIATIONS = {
    "fits": Sample(findings=(("group S07", "warning", "12 points *below* the mean"),)),
    "fails": Sample(
        groups=None,
        budget=Budget(flash_b=8000, latency_s=0.02),
        window={"length_steps": 128, "hop_steps": 64, "banks": 2},
    ),
    "bare": Sample(groups=None, tables=(), points=0, budget=Budget()),
    "large": Sample(classes=tuple(f"c|{i}" for i in range(70)), groups=90),
}


def seen(text: str) -> str:
    """What a reader of rendered Markdown sees of one inline text; marks and raw HTML are a failure."""
    parts: list[str] = []
    for token in MARKDOWN.parseInline(text)[0].children or []:
        assert token.type in ("text", "code_inline", "text_special"), f"{token.type} in {text!r}"
        parts.append(token.content)
    return "".join(parts)


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(" *_`|<>&[]()!#~\\-+.1")
    )
)
def test_escaped_text_is_seen_as_it_was(text: str) -> None:
    line = " ".join(text.split())
    if line:
        assert seen(escape(text)) == line
        tokens = MARKDOWN.parse(escape(text))
        assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]


@given(st.text(st.sampled_from("ab `|\\<"), min_size=1))
def test_code_is_seen_as_it_was(text: str) -> None:
    line = " ".join(text.split())
    if line:
        assert seen(code(text)) == line


@pytest.mark.parametrize("name", VARIATIONS)
def test_the_card_is_valid_markdown_without_raw_html(tmp_path: Path, name: str) -> None:
    text = card(read_run(VARIATIONS[name].write(tmp_path)))
    tokens = MARKDOWN.parse(text)
    kinds = {t.type for t in tokens} | {c.type for t in tokens for c in t.children or []}
    assert not kinds & {"html_block", "html_inline", "code_block", "link_open", "image"}
    headings = [
        tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open" and t.tag == "h2"
    ]
    assert headings == [
        "What it is",
        "Intended use and its limits",
        "Data and split",
        "Results",
        "Budget",
        "What making it cost",
        "Provenance",
    ]
    # Each row of a table that was written is a row that is read.
    rows = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    assert sum(t.type == "tr_open" for t in tokens) == len(rows)
    assert not any(t.type == "inline" and t.content.startswith("|") for t in tokens)
    assert "\n\n\n\n" not in text and "None" not in text


def test_names_survive_and_every_result_says_how(tmp_path: Path) -> None:
    sample = VARIATIONS["fits"]
    tokens = MARKDOWN.parse(card(read_run(sample.write(tmp_path))))
    cells = ["".join(c.content for c in t.children or []) for t in tokens if t.type == "inline"]
    assert set(CLASSES) <= set(cells)
    for evidence in sample.evidence():
        assert evidence.tool in cells
    assert COMMAND in "\n".join(cells)
    at = next(i for i, c in enumerate(cells) if c == "test accuracy")
    assert [c.replace("\u00a0", " ") for c in cells[at : at + 6]] == [
        "test accuracy",
        "93.62 %",
        "91.04 % to 95.5 %",
        "470",
        "measured",
        "integer interpreter, Wilson",
    ]


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    text = card(read_run(VARIATIONS["fails"].write(tmp_path)))
    assert "latency: not measured: run `sarto devices cortex_m4`" in text
    assert "nobody can say for whom the model fails" in text
    assert "| energy | not measured: run `perf stat" in text
    assert "| latency (binding) | 20 ms | not measured: run `sarto devices cortex_m4` | – | – |" in text
