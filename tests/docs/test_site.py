"""The site builds without a warning, needs no other host, and can be read on a narrow screen and in the dark."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import sarto
from docs._parts.cell_pages import cell_names
from sarto.core.errors import error_pages
from sarto.core.rooms import methods
from sarto.devices import devices
from sarto.devices.links import links
from tests.docs.examples import DOCS, pages
from tests.report.browser import Browser

ROOT = DOCS.parent
SITE = ROOT / "build" / "site"
NARROW, WIDE = 360, 1280
LEAST_WORDS = 60


@pytest.fixture(scope="module")
def site(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The folder of the site, built anew; build/site gets a copy, where a reader may open it."""
    pytest.importorskip("mkdocs", reason="needs MkDocs, which the extra docs brings")

    def build(folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
            cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "WARNING" not in done.stderr
        shutil.rmtree(SITE, ignore_errors=True)
        shutil.copytree(folder, SITE)

    return once("site", build)


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(chromium, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served on this computer."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Loaded(HTMLParser):
    """What a page loads: the addresses of its scripts, styles, icons, pictures and frames, and its words."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.words = 0
        self._hidden = 0
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._hidden += tag in ("script", "style", "nav")
        if tag == "link" and found.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(found.get("href") or "")
        elif tag != "a" and found.get("src"):
            self.addresses.append(found["src"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "nav")

    def handle_data(self, data: str) -> None:
        self.words += 0 if self._hidden else len(data.split())


def built(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_page_is_built_and_none_is_empty(site: Path) -> None:
    wanted = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in pages()}
    found = {page.relative_to(site).as_posix() for page in built(site)}
    assert found == wanted | {"404.html"}
    short = {page.name: words for page in built(site) if (words := Loaded(page).words) < LEAST_WORDS}
    assert not set(short) - {"404.html"}


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    addresses = {address for page in built(site) for address in Loaded(page).addresses}
    assert len(addresses) > 10
    assert not {address for address in addresses if urlsplit(address).netloc}
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//[^)]*", text), style.name


def test_no_source_of_the_site_is_published(site: Path) -> None:
    assert not [path for path in site.rglob("*") if path.suffix == ".py" or path.name.startswith("_parts")]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("cells/index", cell_names()),
        ("families", methods("sarto.search.families")),
        ("reference/command-line", [f"sarto {verb} --help" for verb in methods("sarto.cli")]),
        ("reference/devices", [*devices(), *links()]),
        ("reference/errors", list(error_pages())),
        ("reference/names", [name for name in sarto.__all__ if name[0] != "_"]),
    ],
)
def test_a_page_has_all_that_the_sources_have(site: Path, page: str, names: list[str]) -> None:
    text = (site / f"{page}.html").read_text(encoding="utf-8")
    assert names
    assert not [name for name in names if name not in text]


@pytest.mark.parametrize("half", [0, 1], ids=["every other page", "the rest"])
def test_pages_fit_a_narrow_screen_and_complain_of_nothing(
    site: Path, address: str, browser: Browser, half: int
) -> None:
    """Opened in the light or in the dark in turn; the other is looked at without asking for the page again."""
    for number, page in enumerate(built(site)[half::2]):
        where = f"{address}/{page.relative_to(site).as_posix()}"
        dark = number % 2 == half
        browser.show(where, width=NARROW, dark=dark)
        for scheme in (dark, not dark):
            browser.prefer(dark=scheme)
            assert browser.run("document.documentElement.scrollWidth") <= NARROW, page.name
            # A script of the theme takes the preference up, a moment after it was given.
            colours = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            browser.wait_for(f"({colours}.reduce((a, b) => a + b) < 3 * 80) == {str(scheme).lower()}")
        assert not browser.complaints(), page.name
        asked = {urlsplit(url).netloc for url in browser.requests() if url.startswith("http")}
        assert asked == {urlsplit(address).netloc}, page.name


def test_the_search_finds_a_cell(address: str, browser: Browser) -> None:
    browser.show(f"{address}/index.html?q=Euler", width=WIDE)
    found = "Array.from(document.querySelectorAll('.md-search-result__link')).map(a => a.href).join(' ')"
    browser.wait_for(f"{found}.includes('cells/eusn.html')")
