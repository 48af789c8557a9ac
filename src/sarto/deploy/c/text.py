r"""The text of a kernel as a graph needs it: what belongs to features that it does not have is left out.

A feature is told in the kernel by `#if NAME`, perhaps with `#else`, up to its `#endif`; `resolved` keeps the part that
applies. All other conditions are left to the compiler.

>>> resolved("#if SLOTS\na\n#if N > 1\nb\n#endif\n#else\nc\n#endif\nd\n", {"SLOTS"})
'a\n#if N > 1\nb\n#endif\nd\n'
>>> resolved("#if SLOTS\na\n#if N > 1\nb\n#endif\n#else\nc\n#endif\nd\n", set())
'c\nd\n'
"""

from __future__ import annotations

from collections.abc import Collection

FEATURES = (
    "ABOVE",
    "BENT",
    "BOX",
    "BYTES",
    "CHECKED",
    "CHECKED_CONV",
    "CYCLIC",
    "FINE",
    "FRONT_END",
    "KEPT",
    "KNOWN",
    "LAYERS",
    "LEARNED",
    "LINEAR",
    "NUMBERS",
    "OWN_HEADS",
    "OWN_MIX",
    "PAIRS",
    "REJECT",
    "SLOTS",
    "TURNED",
    "WHOLE",
    "WIDTHS",
    "WINDOWS",
)
"""What the operations of a graph may have or not."""


def comment(text: str) -> str:
    """Return `text` such that it cannot end a comment or continue a line.

    >>> comment("a */ b")
    'a * / b'
    """
    return (
        "".join(c if c.isprintable() and c != "\\" else "?" for c in text)
        .replace("*/", "* /")
        .replace("/*", "/ *")
    )


def resolved(text: str, features: Collection[str]) -> str:
    """Return `text` as it is where exactly `features` are there."""
    kept: list[str] = []
    open_parts: list[
        bool | None
    ] = []  # whether this part of a feature is kept; None where the compiler decides
    for line in text.splitlines(keepends=True):
        word = line.strip()
        if word.startswith("#if"):
            name = word.removeprefix("#if ").strip()
            open_parts.append(name in features if name in FEATURES else None)
            own = open_parts[-1] is not None
        elif word.startswith("#endif"):
            own = open_parts.pop() is not None
        elif word.startswith("#else") and (last := open_parts[-1]) is not None:
            open_parts[-1], own = not last, True
        else:
            own = False
        if not own and False not in open_parts:
            kept.append(line)
    assert not open_parts, "every condition ends"
    return "".join(kept)
