"""A second copy of tables corrects the critical faults in them, and with a sum over the flash far fewer faults stop it.

The two int8 networks of `guarded_image` (digits, Cortex-M4) are built plain, with a sum over the flash before each
answer, with copies of tables in a budget of 5 % of the flash, with copies of all tables, and with both. The tables of
the budget are chosen by a campaign of their own (`audit.faults.copies`), from other draws than those that judge. As
there, every bit of flash and RAM of each image is exposed, both copies and the guards included, one is flipped at any
moment of a run over test items (8, and 64 for the dense network), and each image sees as many faults.

Beside the shares of critical faults by both definitions and of faults that stop the device (due), and how many times
longer each image lasts than the plain one until it errs silently (MTTF ratio, with its lower bound), stands the same
ratio until it errs or stops. Copies expose more bits, so that the share of faults that stop a device falls by more
than its stops in equal time do: that ratio stands by itself. The critical faults that the choosing campaign found in
the plain image's tables are put into the same bit of the copy that is read, at the start and at a random moment: they
are corrected where every answer and score is that without a fault. How many of the plain image's critical faults lie
in a table at all stands beside it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks._bench import Bench
from benchmarks._digits_board import made
from benchmarks._outcome import Figure, Outcome, at_least
from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.campaign import run as campaign
from sarto.audit.faults.copies import DEFAULT, RUN, Worth, chosen, covered, worths
from sarto.audit.faults.image import ImageSpace
from sarto.audit.faults.report import Report
from sarto.audit.faults.sample import interval
from sarto.audit.faults.verdicts import CRITICAL
from sarto.core.bits import Places
from sarto.deploy.c.emit import emit
from sarto.deploy.copies import table_sizes
from sarto.deploy.guard import Copies, FlashSum, Guards
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded
from sarto.measure.image import Image
from sarto.measure.model import RawSequences, of_items

MINUTES = 6
CONFIDENCE, DEVICE = 0.95, "cortex_m4"
INPUTS = {"convolutions": 8, "dense": 64}
SEED, FAULTS, CHOOSING = 0, 900, 1
NETWORKS = ("convolutions", "dense")
BUDGET = 0.05
VARIANTS = ("plain", "flash", "copies in 5 %", "copies of all", "flash and copies of all")


def run(bench: Bench) -> Outcome:
    """Return the rates of faults of every image, what each takes, and what copies correct."""
    faults = 200 if bench.quick else FAULTS
    figures: dict[str, Figure] = {}
    said: dict[tuple[str, str], dict[str, float]] = {}
    for name in NETWORKS:
        for variant in VARIANTS:
            bench.say(f"{name}, {variant}")
            row = bench.once(
                {"network": name, "variant": variant, "faults": faults}, judged, name, variant, faults
            )
            said[name, variant] = row
            for key, value in (row | against(said[name, "plain"], row)).items():
                bytes_, count = key in ("flash", "RAM"), key == "instructions"
                unit = "B" if bytes_ else "instructions" if count else "1"
                how = "measured" if key in ("flash", "more flash", "tables copied") else "emulated"
                figures[f"{name}, {variant}: {key}"] = Figure(value, unit, how, faults)
    for name in NETWORKS:
        rates = [said[name, v]["due"] * said[name, v]["bits"] for v in ("flash", "flash and copies of all")]
        key = f"{name}: stops of flash by those with copies of all, in equal time"
        figures[key] = Figure(rates[0] / rates[1], "1", "emulated", faults)
    both = against(said["convolutions", "plain"], said["convolutions", "flash and copies of all"])
    least = min(row["corrected, at least"] for row in said.values() if "corrected" in row)
    stopped = min(
        said[name, "flash"]["due"] / said[name, "flash and copies of all"]["due"] for name in NETWORKS
    )
    bars = (
        at_least(
            "critical faults in copied tables that are corrected, lower bound of the worst", least, 0.95
        ),
        at_least(
            "convolutions, flash and copies of all: MTTF ratio, lower bound", both["MTTF ratio, at least"], 5
        ),
        at_least("share of due faults, flash alone by with copies of all, the worse network", stopped, 1.5),
    )
    return Outcome(figures, () if bench.quick else bars)


def judged(name: str, variant: str, faults: int) -> dict[str, float]:
    """Return what faults do to an image, what it takes, and what of the plain image's critical faults it corrects."""
    sources, given = model(name)
    guards, image = guards_of(name, variant), image_of(name, variant)
    space, report = seen(name, variant, faults)
    rates, kinds = report.rates, report.rates.kinds
    # No fault is both, so that those that are either are a share as well.
    failed = kinds["critical"].share + kinds["due"].share
    low, high = interval(failed * faults, faults, rates.population, CONFIDENCE)
    found = {
        **{kind: rate.share for kind, rate in kinds.items()},
        "critical at least": rates.critical.low,
        "critical at most": rates.critical.high,
        "critical or due at least": low,
        "critical or due at most": high,
        "answers made wrong by a fault": rates.misclassified.share,
        "faults that hurt over 10 % of the answers": rates.hurt.share,
        "bits": space.bits,
        "flash": image.flash_b,
        "RAM": image.static_ram_b + space.injector.stack_b,
        "instructions": float(emulate(image, given.listed()).inference_instructions.mean()),
    }
    if guards is None:
        return found | {"critical faults that lie in a table": in_tables(space, report)}
    if guards.copy is None:
        return found
    sizes = table_sizes(sources["model.c"])
    names = guards.copy.tables or tuple(sizes)
    share, low, high = covered(_tables(name), names)
    return found | {
        "tables copied": len(names),
        "critical faults of tables that copies cover": share,
        "they cover at least": low,
        "they cover at most": high,
        **corrected(name, space, {table: sizes[table] for table in names}),
    }


def against(plain: dict[str, float], row: dict[str, float]) -> dict[str, float]:
    """Return the ratios of an image to the plain one, and what it takes more."""
    bits = plain["bits"] / row["bits"]
    failing = (plain["critical"] + plain["due"]) / (row["critical"] + row["due"])
    known = {"MTTF ratio": bits * plain["critical"] / row["critical"]} if row["critical"] else {}
    return known | {
        "MTTF ratio, at least": bits * plain["critical at least"] / row["critical at most"],
        "ratio of times until it errs or stops": bits * failing,
        "it errs or stops, at least": bits
        * plain["critical or due at least"]
        / row["critical or due at most"],
        "more instructions": row["instructions"] / plain["instructions"] - 1,
        "more flash": row["flash"] / plain["flash"] - 1,
        "more RAM": row["RAM"] / plain["RAM"] - 1,
    }


def corrected(name: str, space: ImageSpace, sizes: dict[str, int]) -> dict[str, float]:
    """Return what comes of the critical faults of the plain image when the tables of these `sizes` lie twice."""
    plain, report = candidates(name)
    kept = next(region for region in space.regions if region.name == "kept")
    begins = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    injector, moments = space.injector, np.random.default_rng(SEED)
    right: list[bool] = []
    for cell, byte in critical(report):
        region, bit = plain.regions[cell // 8], cell % 8
        if region.name in begins:
            at = Places([kept.first + begins[region.name] + byte], [bit])
            for moment in (0, int(moments.integers(injector.total))):
                said = injector.flash(at, moment=moment)
                right.append(bool(said.answered.all() and (said.scores == injector.golden.scores).all()))
    return {
        "corrected": float(np.mean(right)),
        "corrected, at least": interval(sum(right), len(right), None, CONFIDENCE)[0],
        "of so many": len(right),
    }


def critical(report: Report) -> list[list[int]]:
    """Return the cells, and the numbers within them, of the critical faults of a campaign."""
    found = [
        one.stratum.places(one.order[: len(one.judged)])[one.judged.kinds == CRITICAL]
        for one in report.sampled
    ]
    return np.concatenate(found).tolist()


def in_tables(space: ImageSpace, report: Report) -> float:
    """Return the share of the critical faults of an image that lie in its tables."""
    at = [space.regions[cell // 8] for cell, _ in critical(report)]
    tables = [r.memory == "flash" and r.kind in ("weights", "scaling", "tables") for r in at]
    return float(np.mean(tables))


@cache
def seen(name: str, variant: str, faults: int) -> tuple[ImageSpace, Report]:
    """Return the faults of an image, and the report on so many of them."""
    space = ImageSpace(image_of(name, variant), model(name)[1], flash_from="any")
    # No sample of so many faults is as sure as this: every image sees all of them.
    return space, campaign(space, Plan("network", 1e-4, CONFIDENCE, faults, SEED))


@cache
def image_of(name: str, variant: str) -> Image:
    """Return the image of a variant."""
    sources, guards = model(name)[0], guards_of(name, variant)
    if guards is None:
        return build(sources, device(DEVICE))
    return build_guarded(sources, device(DEVICE), guards)[0]


@cache
def model(name: str) -> tuple[dict[str, str], RawSequences]:
    """Return the C of a network, and test items for its board."""
    trained = made(name, SEED)
    return emit(trained.graph), of_items(trained.tested[: INPUTS[name]])


def guards_of(name: str, variant: str) -> Guards | None:
    """Return the guards of a variant, with the tables that the budget holds."""
    if variant == "plain":
        return None
    flash = FlashSum() if variant.startswith("flash") else None
    if not variant.endswith("%"):
        return Guards(flash, copy=Copies() if "copies" in variant else None)
    budget_b = int(BUDGET * image_of(name, "plain").flash_b)
    return Guards(flash, copy=Copies(budget_b, chosen(_tables(name), budget_b)))


@cache
def candidates(name: str) -> tuple[ImageSpace, Report]:
    """Return the tables of the plain image, and the report on faults of each."""
    sources, given = model(name)
    image = image_of(name, "plain")
    few = given.pinned(max(2, RUN // int(emulate(image, [given[0]]).inference_instructions[0])))
    space = ImageSpace(image, few, ("flash",), tables=tuple(table_sizes(sources["model.c"])))
    return space, campaign(space, replace(DEFAULT, seed=CHOOSING))


def _tables(name: str) -> list[Worth]:
    return worths(candidates(name)[1], model(name)[0]["model.c"])
