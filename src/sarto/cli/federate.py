"""Learn across devices without moving their data: simulate, plan, merge, forget, audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sarto.cli import _answer, _kinds
from sarto.cli._call import current_call
from sarto.cli._family import Family
from sarto.cli._verb import Verb, json_option
from sarto.core.errors import EXIT_BUDGET, EXIT_DONE

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = click.Path(path_type=Path)


def _verb(name: str, example: str) -> Callable[[Callable[..., Any]], Verb]:
    def decorate(function: Callable[..., Any]) -> Verb:
        return click.command(
            name, cls=Verb, example=example, context_settings={"help_option_names": ["-h", "--help"]}
        )(function)

    return decorate


# fmt: off
@_verb("simulate", example="sarto federate simulate federation.toml -o out/")
@click.argument("file", metavar="FEDERATION.toml", type=_FILE)
@click.option("-o", "--out", metavar="OUT", type=_FILE,
              help="Folder for page, figures and model; by default beside FILE.")
@click.option("--workers", type=_kinds.COUNT, default="1", show_default=True, help="Processes that play clients.")
@click.option("--uploads", metavar="FOLDER", type=_FILE,
              help="Write what each client sends as a file there, for sarto federate merge.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def simulate(file: Path, out: Path | None, workers: int, uploads: Path | None, quiet: bool, as_json: bool) -> int:
    """Run a federation on this machine.

    The file says whose data they are, what is learned, by which methods, who takes part, and how many bytes may go over
    the air; `sarto explain E172` shows one. Every client sees its own items alone. Stopped, the same command goes on.
    """
    from sarto.cli._federation_folder import as_text, finished

    folder = out or file.with_suffix("")
    done = finished(file, folder) if uploads is None else None
    if done is None:
        from sarto.cli._federated import simulate as run

        current_call().interrupted = "interrupted; the same command goes on where it stopped"
        found, image = run(file, folder, workers, uploads, quiet, current_call().command())
    else:
        found, image = done
    if as_json:
        _answer.document(found.to_json())
    else:
        if done is not None:
            _answer.line(f"{folder} holds the finished result of this request; nothing was run.\n")
        as_text(found, folder, image)
    return EXIT_DONE if image is None or image.verdict.fits else EXIT_BUDGET


@_verb("plan", example="sarto federate plan federation.toml")
@click.argument("file", metavar="FEDERATION.toml", type=_FILE)
@json_option
def plan(file: Path, as_json: bool) -> int:
    """Say what a federation will put on the air, before anything is trained.

    Bytes and rounds of every method where nobody drops out, and after how many participations in FedAvg of the same
    head the exact statistics are the cheaper ones.
    """
    from sarto.cli._federation_files import plan_text, planned

    found = planned(file)
    if as_json:
        _answer.document(found)
    else:
        plan_text(found)
    return EXIT_DONE


@_verb("merge", example="sarto federate merge uploads/ --journal river.sqlite -o head.npz")
@click.argument("folder", metavar="FOLDER", type=_FILE)
@click.option("--journal", required=True, metavar="FILE", type=_FILE,
              help="The journal; made of the first upload's kind where there is none.")
@click.option("--keep", is_flag=True, help="Of a new journal: keep what clients sent, so that one can be forgotten.")
@click.option("--most-rows", type=_kinds.COUNT, help="Of a new journal: refuse a client that says it has more rows.")
@click.option("--radius", type=_kinds.POSITIVE, help="Of a new journal: no row of features is longer than this.")
@click.option("--definite", is_flag=True,
              help="Of a new journal: look for negative eigenvalues in every upload, not only in the sum.")
@click.option("--expect", "expected", metavar="FILE", type=_FILE, help="Names of clients, a line each: who is missing.")
@click.option("--ridge", metavar="NUMBER", help="Penalty in the sum form; by default GCV chooses it.")
@click.option("--allow-stale", is_flag=True, help="Solve although clients are of earlier epochs than others.")
@click.option("--workers", type=_kinds.COUNT, default="1", show_default=True, help="Threads that read and add.")
@click.option("-o", "--out", metavar="FILE.npz", type=_FILE, help="Where the head goes: weights, intercept, classes.")
@json_option
def merge(folder: Path, journal: Path, out: Path | None, as_json: bool, **options: Any) -> int:
    """Add the uploads of a folder, each exactly once, and solve for the head.

    Uploads are files that clients wrote, brought by whatever way. One that is damaged, of another federation or
    impossible is refused with a reason and left out. What is in the journal already changes nothing; a merge that was
    stopped at any moment goes on.
    """
    from sarto.cli._federation_files import merge_text, merged

    found = merged(folder, journal, out, **options)
    if as_json:
        _answer.document(found)
    else:
        merge_text(found)
    return EXIT_DONE


@_verb("forget", example="sarto federate forget 'gauge 7' --journal river.sqlite")
@click.argument("client")
@click.option("--journal", required=True, metavar="FILE", type=_FILE, help="The journal.")
@click.option("--upload", metavar="FILE", type=_FILE, help="What the client sent, where the journal does not keep it.")
@json_option
def forget(client: str, journal: Path, upload: Path | None, as_json: bool) -> int:
    """Take a client out of a journal, to the bit: the sum is what it would be without.

    What the server saw it has seen; and heads that were solved before still know the client.
    """
    from sarto.cli._federation_files import forgotten

    found = forgotten(client, journal, upload)
    if as_json:
        _answer.document(found)
    else:
        _answer.line(
            f"'{client}' is no longer in it: {found['clients']} clients with {found['rows']:,} rows are left"
        )
    return EXIT_DONE


@_verb("audit", example="sarto federate audit uploads/")
@click.argument("uploads", metavar="FOLDER|UPLOAD", type=_FILE)
@json_option
def audit(uploads: Path, as_json: bool) -> int:
    """Say what uploads give away of the clients' data, and what takes that away.

    Rows are worked out of what was sent, as whoever reads it could. Of one upload all is told; of a folder a line for
    each client.
    """
    from sarto.cli._federation_files import audit_text, audited

    found = audited(uploads)
    if as_json:
        _answer.document(found)
    else:
        audit_text(found)
    return EXIT_DONE
# fmt: on


command = Family(
    "federate",
    [simulate, plan, merge, forget, audit],
    example="sarto federate simulate federation.toml -o out/",
    short_help=(__doc__ or "").partition("\n")[0],
    help="""Learn one model from the data of many devices, which keep them.

    A simulation compares methods before a device is touched: exact statistics that every client sends once, gradient
    methods in rounds, reservoirs that adapt. On devices, clients write uploads as files, and a server merges them.
    """,
)
