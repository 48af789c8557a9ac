"""What `sarto measure --calibrate FILE` does: measures this machine, writes the platform file, and shows it."""

from __future__ import annotations

import math
from pathlib import Path

import click

from sarto.cli import _answer
from sarto.core.errors import SartoError
from sarto.core.store import folder_for, write_atomic
from sarto.core.units import format_quantity
from sarto.devices.platforms import Platform, parse_platform, platforms
from sarto.runtime.calibrate import Calibration


def calibrate(file: Path, *, quiet: bool, as_json: bool) -> None:
    """Measure, write and show."""
    if file.suffix != ".toml" or file.stem in platforms():
        raise SartoError(
            "E112",
            f"--calibrate {file}",
            cause="a platform file ends in .toml, and has a name of its own",
            hint="such as mine.toml",
        )
    with folder_for(file.parent):  # before minutes of measuring
        text = Calibration(say=lambda line: None if quiet else click.echo(line, err=True)).run(
            file.with_suffix(".knobs.json")
        )
        found = parse_platform(file.stem, text)
        write_atomic(file, text)
    if as_json:
        _answer.document(
            {
                "file": str(file),
                "job": found.job,
                "settings": [
                    {
                        "cluster": s.cluster,
                        "cores": s.cores,
                        "frequency_hz": s.frequency_hz or None,
                        "latency_s": s.latency_s,
                        "power_w": None if math.isnan(s.power_w) else s.power_w,
                        "how": s.how,
                    }
                    for s in found.settings
                ],
                "findings": [str(finding) for finding in found.findings],
            }
        )
        return
    _show(found)
    _answer.line(f"\nwritten: {file} (sarto adapt LADDER --platform {file})")


def _show(found: Platform) -> None:
    _answer.line(f"{found.title}: {found.job}\n")
    rows = [
        (
            s.cluster,
            str(s.cores),
            format_quantity(s.frequency_hz, "Hz") if s.frequency_hz else "not set",
            f"{format_quantity(s.latency_s, 's')} ({s.how})",
            "unavailable" if math.isnan(s.power_w) else f"{format_quantity(s.power_w, 'W')} ({s.how})",
        )
        for s in found.settings
    ]
    _answer.table(("cluster", "cores", "clock", "time of a job", "power"), rows, right=(1,))
    for finding in found.findings:
        _answer.remark(str(finding))
