"""What a person sees of a page in a browser: how wide it is, what lies outside, and the least contrast of its texts."""

from __future__ import annotations

from pathlib import Path

from tests.report.browser import Browser

LOOK = """
(() => {
  const brush = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
    .getContext("2d", {willReadFrequently: true});
  const seen = {};
  const rgba = colour => seen[colour] ??= (() => {
    brush.clearRect(0, 0, 1, 1); brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  })();
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => a * c + (1 - a) * under[i]);
  const ground = e => e ? over(rgba(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255];
  const light = c => c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [d, l] = [light(a), light(b)].sort((x, y) => x - y); return (l + 0.05) / (d + 0.05); };
  let least = 99, where = "", texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim()) continue;
    if (["SCRIPT", "STYLE", "title"].includes(e.tagName) || e.closest(".hidden,.skip")) continue;
    texts += 1;
    const style = getComputedStyle(e), under = ground(e);
    const c = ratio(over(rgba(e.namespaceURI.endsWith("svg") ? style.fill : style.color), under), under);
    if (c < least) [least, where] = [c, walker.currentNode.data.trim()];
  }
  const outside = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll,.hidden,svg") &&
    e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map(e => e.outerHTML.slice(0, 80));
  return {width: document.documentElement.scrollWidth, inner: innerWidth, least, where, texts, outside,
    paper: rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3),
    sizes: Math.min(...[...document.querySelectorAll(".chart text")].map(e => e.getBoundingClientRect().height))};
})()
"""


def check_readable(chromium: str, profile: Path, page: Path, texts: int) -> None:
    """Hold a page to what a person needs, wide and light, narrow and dark; it has at least so many texts."""
    with Browser(chromium, profile) as browser:
        for width, dark in ((1280, False), (375, True)):
            browser.open(page, width=width, dark=dark)
            look = browser.run(LOOK)
            assert browser.complaints() == [] and browser.requests() == [page.as_uri()]
            assert look["width"] <= look["inner"] == width
            assert look["outside"] == [] and look["texts"] > texts
            assert look["least"] >= 4.5, f"contrast {look['least']:.2f} at {look['where']!r}"
