"""Choose operating points at run time: replay jobs on a platform, compare policies, or serve."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from click.core import ParameterSource

from sarto.cli import _answer, _kinds
from sarto.cli._call import current_call
from sarto.cli._verb import json_option, verb
from sarto.core.errors import EXIT_DONE, SartoError

_FILE = click.Path(path_type=Path)
_SIMULATION = ("trace", "idle", "step", "jobs", "scenarios", "seed", "second", "as_json")
"""Options that no service heeds."""


def _policies() -> list[str]:
    from sarto.core.rooms import methods

    return methods("sarto.runtime.policies")


# fmt: off
@verb("adapt", example="sarto adapt ladder.csv --platform odroid_xu3 --policies min_energy,schedutil -o out/")
@click.argument("ladder", metavar="LADDER|OUT", type=_FILE)
@click.option("--platform", type=_kinds.PLATFORM, metavar="NAME|FILE",
              help="Where jobs run: odroid_xu3, jetson_nano, or a TOML file of your own (sarto measure --calibrate).")
@click.option("--trace", metavar="FILE", type=_FILE,
              help="CSV table with a row for each job: what is asked for, what slows it down. By default one is drawn.")
@click.option("--policies", type=_kinds.NamesKind(_policies, "a policy"), metavar="NAMES",
              default="min_energy,max_accuracy,performance,schedutil,energy_aware", show_default=True,
              help="How points are chosen; the first is shown job by job, beside an oracle unless it is a governor.")
@click.option("--late", type=_kinds.RATIO, default="2%", show_default=True, help="Share of jobs that may be late.")
@click.option("--relax", type=_kinds.NAMES, metavar="LIMITS", default="accuracy,deadline", show_default=True,
              help="What gives way when not all can be met, the first in front: accuracy, deadline, power.")
@click.option("--mean-energy", type=_kinds.ENERGY, help="That jobs may take in the mean, for the policy energy_budget.")
@click.option("--work", type=_kinds.POSITIVE, metavar="SHARE",
              help="Work of the largest model of a folder, as a share of the platform's job, such as 0.01.")
@click.option("--idle", type=_kinds.IDLE, help="Power between jobs; by default what the platform says.")
@click.option("--step", type=_kinds.FREQUENCY, default="100MHz", show_default=True,
              help="Clocks between those that the platform states are estimated, so far apart.")
@click.option("--jobs", type=_kinds.COUNT, default="2000", show_default=True, help="Of a scenario that is drawn.")
@click.option("--scenarios", type=_kinds.COUNT, default="1", show_default=True, help="How many are drawn.")
@click.option("--seed", type=_kinds.SEED, default="0", show_default=True, help="Of the first of them.")
@click.option("--second", metavar="CLUSTER",
              help="Cluster that a second model, which comes and goes, has to itself in what is drawn.")
@click.option("-o", "--out", metavar="OUT", type=_FILE,
              help="Folder for adaptation.html, adaptation.json, decisions.jsonl, and the jobs drawn as trace.csv.")
@click.option("--serve", "address", metavar="ADDRESS:PORT",
              help="Run as a service, with metrics for Prometheus on loopback: 127.0.0.1:9464; port 0 is any.")
@click.option("--socket", metavar="FILE", type=_FILE,
              help="With --serve: socket over which applications ask which point to run, and tell how jobs went.")
@click.option("--apply", is_flag=True, help="With --serve: really set clocks; otherwise it says what it would set.")
@click.option("--crowd", is_flag=True,
              help="With --serve: expect jobs to share processors with whatever else runs on this machine.")
@click.option("--sys", metavar="FOLDER", type=_FILE, help="With --serve: stands in for /sys, to try it out.")
@json_option
def command(
    ladder: Path, platform: str | None, trace: Path | None, policies: tuple[str, ...], late: float,
    relax: tuple[str, ...], mean_energy: float | None, work: float | None, idle: float | None, step: float, jobs: int,
    scenarios: int, seed: int, second: str | None, out: Path | None, address: str | None, socket: Path | None,
    apply: bool, crowd: bool, sys: Path | None, as_json: bool,
) -> int:
    """Say which variant of a model would run where, job by job, and what that would take.

    LADDER is a CSV table of variants, with columns variant, accuracy and work (as a share of the job that the
    platform's times are for), such as widths of a network or models of several sizes; OUT is the folder of sarto fit
    or sarto compress, whose points are the variants, the largest taken to be as much work as the platform's job unless
    --work says otherwise. Nothing runs: times and powers are those of the platform file.

    A table with columns variant, accuracy and file names ONNX files: these are timed on this computer, at several
    numbers of threads, in place of a platform.

    With --serve it answers applications, by the first of --policies, until it is ended by a signal.
    """
    if not 0 < late < 1:
        raise SartoError("E112", f"--late {late:g}", cause="some jobs are late in the long run, and not all",
                         hint="such as 2%")
    if address is not None:
        return _serve(ladder, platform, policies, late, relax, mean_energy, work, out, address, socket, apply, crowd,
                      sys)
    if apply or crowd or socket is not None or sys is not None:
        raise SartoError("E112", "--socket, --apply, --crowd and --sys go with --serve",
                         cause="a simulation sets nothing, and looks at no machine",
                         hint="add --serve 127.0.0.1:9464, or leave them out")
    if trace is not None and second is not None:
        raise SartoError("E112", "--second excludes --trace", cause="it is for jobs that are drawn",
                         hint="name the cluster in the column second of the trace")
    from sarto.cli._adapted import adapted, as_text, write
    from sarto.cli._asked import Asked

    asked = Asked(ladder, platform, trace, policies, late, relax, mean_energy, work, idle, step, jobs, scenarios, seed,
                  second)
    with tempfile.TemporaryDirectory() as made:
        found = adapted(asked, current_call().command(), None if out is None else Path(made))
        if out is not None:
            write(found, out, Path(made), trace)
    if as_json:
        _answer.document(found.to_json())
    else:
        as_text(found, out)
    return EXIT_DONE


def _serve(
    ladder: Path, platform: str | None, policies: tuple[str, ...], late: float, relax: tuple[str, ...],
    mean_energy: float | None, work: float | None, out: Path | None, address: str, socket: Path | None, apply: bool,
    crowd: bool, sys: Path | None,
) -> int:
    context = click.get_current_context()
    given = [name for name in _SIMULATION if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        names = " and ".join("--json" if name == "as_json" else f"--{name}" for name in given)
        raise SartoError("E112", f"{names} exclude{'s' if len(given) == 1 else ''} --serve",
                         cause="a service simulates no jobs, and sets the clocks that the platform states",
                         hint="leave it out; the state of a service is JSON at /state")
    from sarto.cli._serving import Service, service

    return service(Service(ladder, platform, policies, late, relax, mean_energy, work, out, address, socket, apply,
                           crowd, sys))
# fmt: on
