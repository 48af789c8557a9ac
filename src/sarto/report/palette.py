"""The colours of the report, for light and for dark, and the contrast between any two of them.

Contrast is `(L1 + 0.05) / (L2 + 0.05)`, with L1 the larger relative luminance
`L = 0.2126 R + 0.7152 G + 0.0722 B` of the linearised sRGB channels. Text needs 4.5, marks in a chart need 3.

Source: W3C, Web Content Accessibility Guidelines 2.2, "contrast ratio", success criteria 1.4.3 and 1.4.11.

>>> round(contrast("#000000", "#ffffff"))
21
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "paper": "#fcfbf8",
    "panel": "#f4f1ea",
    "ink": "#1f1d1a",
    "muted": "#625d54",
    "line": "#ddd7cb",
    "accent": "#23567f",
    "good": "#23683f",
    "bad": "#a5301f",
    "kind-1": "#2f6690",
    "kind-2": "#b3681c",
    "kind-3": "#4b7f52",
    "kind-4": "#8c4f7d",
    "kind-5": "#86701d",
    "kind-6": "#4a8a97",
    "kind-7": "#a94f4f",
    "kind-8": "#7a766e",
}
DARK: Mapping[str, str] = {
    "paper": "#15171a",
    "panel": "#1d2024",
    "ink": "#ebe7df",
    "muted": "#aaa498",
    "line": "#363a40",
    "accent": "#8cbbe3",
    "good": "#7fcb9b",
    "bad": "#f1998b",
    "kind-1": "#6da7d6",
    "kind-2": "#dd9a4e",
    "kind-3": "#7fb787",
    "kind-4": "#c48bb6",
    "kind-5": "#c2ab52",
    "kind-6": "#7cbfcc",
    "kind-7": "#dc8b8b",
    "kind-8": "#9d988e",
}
KINDS = 8
"""Number of `kind-*` colours, for parts of a stack; what has no colour of its own takes the last."""
FAINT, SHADE = 0.1, 0.42
"""Least and most of a colour that a shaded table cell mixes into the page, so that ink on it keeps its contrast."""
MARKS: Mapping[str, str] = {role: f"#0{i:x}fe{i:02x}" for i, role in enumerate(LIGHT)}
"""Role -> a colour that stands for it in a drawing and is replaced by the variable of that role."""


def variables(palette: Mapping[str, str]) -> str:
    """Return `palette` as declarations of CSS variables."""
    return " ".join(f"--{role}: {colour};" for role, colour in palette.items())


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of a `#rrggbb` colour, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(over: str, under: str, share: float) -> str:
    """Return what `over` looks like at opacity `share` on `under`.

    >>> mix("#ffffff", "#000000", 0.5)
    '#808080'
    """
    pairs = zip(channels(over), channels(under), strict=True)
    return "#" + "".join(f"{round(share * o + (1 - share) * u):02x}" for o, u in pairs)


def luminance(colour: str) -> float:
    """Return the relative luminance of a `#rrggbb` colour, 0 for black to 1 for white."""
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two `#rrggbb` colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
