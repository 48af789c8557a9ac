"""Parts of pages: what is missing ends the build with words that say what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs._parts import cell_pages, rendered, results
from docs._parts._docstrings import as_markdown
from docs._parts._sections import argument_list, sections_as_markdown
from docs._parts.cell_pages import cell_names, unwritten
from docs._parts.included import included
from docs._parts.steps import AMOUNTS

PAGE = '# a cell\n\n{{{{ cell("{name}") }}}}\n\n## When to use it\n\n## Measured\n'


def written(folder: Path) -> Path:
    """Write a page for every cell."""
    for name in cell_names():
        (folder / f"{name}.md").write_text(PAGE.format(name=name), encoding="utf-8")
    return folder


def test_every_cell_with_a_page_is_well(tmp_path: Path) -> None:
    assert unwritten(written(tmp_path)) == []


def test_a_cell_without_a_page_is_named_with_what_to_write(tmp_path: Path) -> None:
    (written(tmp_path) / "ring.md").unlink()
    (line,) = unwritten(tmp_path)
    assert line.startswith(
        "the cell ring (src/sarto/models/reservoir/ring.py) has no page: write docs/cells/ring.md"
    )


@pytest.mark.parametrize("part", ['{{ cell("ring") }}', "## When to use it", "## Measured"])
def test_a_page_that_lacks_a_part_is_named(tmp_path: Path, part: str) -> None:
    page = written(tmp_path) / "ring.md"
    page.write_text(page.read_text(encoding="utf-8").replace(part, ""), encoding="utf-8")
    assert unwritten(tmp_path) == [f"docs/cells/ring.md lacks '{part}'"]


def test_a_page_about_no_cell_is_named(tmp_path: Path) -> None:
    (written(tmp_path) / "gone.md").write_text("# gone\n", encoding="utf-8")
    assert unwritten(tmp_path) == ["docs/cells/gone.md is about a cell that there is not"]


def test_a_cell_s_part_has_its_formula_source_example_and_arguments() -> None:
    text = cell_pages.cell("ring")
    assert "```text\nh'_i = (1 - a) h_i + a tanh(r h_{i-1 mod N} + (W_x x)_i + b_i)\n```" in text
    assert "**Source:** Rodan and Tino" in text
    assert "```pycon\n>>> reservoir = build(6, 2" in text
    assert "- `radius`: r, the weight from each neuron to the next" in text
    assert "Default `'exact'`." in cell_pages.cell("esn")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    figure = {"unit": "B", "how": "measured", "n": 5, "spread": [2000, 4000]}
    content = {
        "figures": {
            "set 1, ring: flash": {"value": 2843, **figure},
            "set 1, esn: flash": {"value": 3000, **figure, "spread": None},
            "set 2, ring: flash": {"value": 1, **figure},
            "set 2, esn: flash": {"value": 0.5, **figure, "unit": "1", "spread": [-0.25, 1.0]},
        },
        "bars": [
            {"what": "flash_b", "wanted": "<= 9", "got": 2.0, "met": True},
            {"what": "RAM", "wanted": "<= 1", "got": 2.0, "met": False},
        ],
    }
    (tmp_path / "made_up.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("kept")
def test_figures_are_those_of_the_result() -> None:
    assert rendered('{{ figure("made_up", "set 1, ring: flash") }}') == "2.843 kB (measured)"
    assert "| set 1, ring: flash | 2.843 kB | 2 kB to 4 kB | 5 | measured |" in results.figures(
        "made_up", "set 1*"
    )
    assert "set 2" not in results.figures("made_up", "set 1*")
    assert "| set 2, esn: flash | 0.500 | -0.250 to 1 | 5 | measured |" in results.figures(
        "made_up", "*, esn*"
    )


@pytest.mark.usefixtures("kept")
def test_figures_side_by_side_have_rows_and_columns() -> None:
    table = results.compared("made_up", "{column}, {row}: flash").splitlines()
    assert table[0] == "|  | set 1 | set 2 |"
    assert table[2] == "| ring | 2.843 kB (2 kB to 4 kB) | 1 B (2 kB to 4 kB) |"
    assert table[3] == "| esn | 3 kB | 0.500 (-0.250 to 1) |"


@pytest.mark.usefixtures("kept")
def test_bars_say_which_were_missed() -> None:
    text = results.bars()
    assert text.startswith("2 bars, of which 1 are missed.")
    assert "| `made_up` | flash\\_b | ≤\xa09 | 2 | met |" in text
    assert text.endswith("| `made_up` | RAM | ≤\xa01 | 2 | **missed** |")
    assert results.bars("made_up") == text


def test_bars_can_be_those_of_some_benchmarks_alone(kept: Path) -> None:
    content: dict[str, Any] = {
        "figures": {},
        "bars": [{"what": "time", "wanted": "<= 3", "got": 2.0, "met": True}],
    }
    (kept / "second.json").write_text(json.dumps(content), encoding="utf-8")
    assert results.bars().startswith("3 bars")
    assert results.bars("second").startswith("1 bars, of which 0 are missed.")
    assert "`made_up`" not in results.bars("second")
    with pytest.raises(LookupError, match="no result of a benchmark gone"):
        results.bars("made_up", "gone")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("value", "shown"), [(9.18e-5, "9.2e-05"), (0.0017, "0.0017"), (0.25, "0.250"), (-4e-17, "0.000")]
)
def test_a_small_figure_keeps_two_digits_and_rounding_is_zero(kept: Path, value: float, shown: str) -> None:
    path = kept / "made_up.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["figures"]["set 2, esn: flash"]["value"] = value
    path.write_text(json.dumps(content), encoding="utf-8")
    assert results.figure("made_up", "set 2, esn: flash") == f"{shown} (measured)"


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("page", "words"),
    [
        ('{{ figure("made_up", "set 1, ring: RAM") }}', "made_up has no figure 'set 1, ring: RAM'; near it"),
        ('{{ figures("made_up", "*: RAM") }}', "made_up has no figure that matches '\\*: RAM'"),
        ('{{ figures("gone", "*") }}', "no result of a benchmark gone; there are made_up"),
        ('{{ compared("made_up", "{column}, {row}: RAM") }}', "made_up has no figure"),
        ('{{ included("GONE.md") }}', "there is no file GONE.md"),
    ],
)
def test_what_a_page_asks_for_in_vain_is_named(page: str, words: str) -> None:
    with pytest.raises(LookupError, match=words):
        rendered(page)


def test_a_figure_that_one_set_lacks_is_named(kept: Path) -> None:
    path = kept / "made_up.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["figures"]["set 2, ring: flash"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(LookupError, match="made_up has no figure 'set 2, ring: flash'"):
        results.compared("made_up", "{column}, {row}: flash")


@pytest.mark.parametrize("verb", ["", "fit", "explain"])
def test_the_help_on_the_page_is_what_the_program_prints(verb: str) -> None:
    words = [*filter(None, [verb]), "--help"]
    done = subprocess.run(
        [sys.executable, "-m", "sarto", *words],
        env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    title = " ".join(["sarto", *words])
    assert f'```text title="{title}"\n{done.stdout.rstrip()}\n```' in rendered("{{ command_line() }}")


def test_prose_of_a_docstring_is_not_taken_for_markdown() -> None:
    assert as_markdown("b ~ U(-s, s), W_x * `a_b` [1]") == "b ~ U(-s, s), W\\_x \\* `a_b` \\[1\\]"


def test_sections_keep_lines_that_name_no_single_argument() -> None:
    text = sections_as_markdown("Do it.\n\nArgs:\n    As `Other`, and\n    a: one,\n        two.\n\nMore.")
    assert text == "Do it.\n\n**Args**\n\n- As `Other`, and\n- `a`: one, two.\n\nMore."


def test_an_argument_without_words_ends_the_build() -> None:
    def build(units: int, seed: int = 0) -> None:
        del units, seed

    assert argument_list("Build.\n\nArgs:\n    units: N.\n    seed: of draws.", build) == (
        "- `units`: N.\n- `seed`: of draws. Default `0`."
    )
    with pytest.raises(LookupError, match="leaves out seed"):
        argument_list("Build.\n\nArgs:\n    units: N.", build)


def test_links_of_a_document_that_lead_out_of_the_site_become_words() -> None:
    text = included("CONTRIBUTING.md")
    assert "](changes/README.md)" not in text
    assert "brings a fragment in changes" in text


def test_every_step_of_a_recipe_stands_in_a_table_with_its_amount() -> None:
    text = rendered('{{ steps("prune") }}\n{{ steps("quantize") }}\n{{ steps("step") }}\n{{ steps("code") }}')
    for row in (
        "| `px` | share of the weights that goes | PX, path exclusion: ",
        "| `codebook` | bits | Codebooks: ",
        "| `ternary` | none | Trained ternary quantisation",
        "| `rate` | price of a bit, in nats of the loss | Rate-aware training: ",
        "| `rans` | none | rANS: each symbol costs ",
    ):
        assert row in text


def test_a_step_whose_amount_has_no_words_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(AMOUNTS, "price")
    with pytest.raises(LookupError, match="the step rate has the amount 'price'"):
        rendered('{{ steps("step") }}')
