"""The hashes of what a made-up folder says, kept as when a run ends."""

from __future__ import annotations

from pathlib import Path

from sarto.core.artifact import record

RECORDED = (
    "artifact.json",
    "evidence.jsonl",
    "front.json",
    "verdict.json",
    "recipe.json",
    "tables.json",
    "provenance.json",
)


def recorded(folder: Path) -> Path:
    """Keep the hashes of what the folder says now, as when a run ends, and return it."""
    record(folder, {name: (folder / name).read_text(encoding="utf-8") for name in RECORDED})
    return folder
