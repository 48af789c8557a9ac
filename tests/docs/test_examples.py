"""Every example on the pages runs, and gives what the page states."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.examples import DOCS, blocks, pages, programs, run_page


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_the_examples_of_a_page_give_what_it_states(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if missing := [name for name in programs(text) if shutil.which(name) is None]:
        pytest.skip(f"needs the programs {', '.join(missing)}")
    if "import reservoirpy" in text or "from reservoirpy" in text:
        pytest.importorskip("reservoirpy", reason="needs reservoirpy, which the extra docs brings")
    outcome = run_page(text, tmp_path)
    assert not outcome.wrong, "\n".join(outcome.wrong)
    assert outcome.text == text


def test_a_good_part_of_the_pages_has_examples() -> None:
    counts = [len(list(blocks(page.read_text(encoding="utf-8")))) for page in pages()]
    assert sum(counts) > 30


PAGE = """
```python
word = "thread"
print(word, 12)
```

```text
{printed}
```

```pycon
>>> len(word)
{length}
>>> word.index("q")
Traceback (most recent call last):
ValueError: {error}
```

```console
$ echo {said} && test -f there || touch there
said
$ test -f gone
$ echo $?
1
```
"""
TRUE = {"printed": "thread 12", "length": "6", "error": "substring not found", "said": "said"}


def test_a_page_that_states_what_comes_out_passes(tmp_path: Path) -> None:
    text = PAGE.format(**TRUE)
    outcome = run_page(text, tmp_path)
    assert (outcome.wrong, outcome.ran, outcome.text) == ([], 4, text)
    assert (tmp_path / "there").exists()


@pytest.mark.parametrize(
    ("part", "stated"),
    [("printed", "thread 13"), ("length", "7"), ("error", "another"), ("said", "something else")],
)
def test_what_differs_is_found_and_can_be_written(part: str, stated: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    outcome = run_page(PAGE.format(**{**TRUE, part: stated}), tmp_path / "one")
    assert len(outcome.wrong) == 1
    assert "came out" in outcome.wrong[0]
    assert not run_page(outcome.text, tmp_path / "two").wrong


def test_dots_stand_for_anything(tmp_path: Path) -> None:
    assert not run_page(PAGE.format(**{**TRUE, "printed": "thr... 12"}), tmp_path).wrong


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("```python\n1 / 0\n```\n", "ZeroDivisionError"),
        ("```console\n$ exit 3\n```\n", "ended with 3"),
        ("```console\n$ exit 3\n$ echo on\non\n```\n", "ended with 3"),
        ("```pycon\n>>> 1 / 0\n0\n```\n", "ZeroDivisionError"),
    ],
)
def test_a_failure_is_told_by_its_line(page: str, words: str, tmp_path: Path) -> None:
    (wrong,) = run_page(f"# A page\n\n{page}", tmp_path).wrong
    assert wrong.startswith("line 4: ")
    assert words in wrong


def test_a_block_with_a_reason_is_not_run(tmp_path: Path) -> None:
    page = "<!-- not run: it would end the world -->\n```python\n1 / 0\n```\n"
    assert run_page(page, tmp_path).ran == 0
    assert run_page(page.replace(": it would end the world", ""), tmp_path).wrong
