"""Shrinks a trained network by a recipe, given or searched: a network and data in, the smallest file and evidence out.

Items to test on are held back before anything is done, and looked at once, at the end, by the network as the file gives
it back. A share of the rest is held back to judge every step on. Each step is an operating point: what the file takes
after it, and how accurate it is on validation. Without a device the flash of a budget is compared with the bytes of the
file: storage only. With one, the integers of the network are built into an image, and what that takes is judged.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from sarto.core.budget import Budget, Verdict, judge
from sarto.core.evidence import Evidence
from sarto.core.graph import save_graph
from sarto.core.points import OperatingPoint, told_apart
from sarto.core.progress import Talk
from sarto.core.recipe import Recipe, Step
from sarto.core.store import write_atomic
from sarto.core.table import Table
from sarto.data.examples import Examples, shaped
from sarto.measure.model import of_items
from sarto.measure.quality import accuracy_evidence
from sarto.measure.storage import storage_evidence
from sarto.search.auto import Goal
from sarto.search.claimed import claim, given_up_if_empty
from sarto.search.failing import also
from sarto.search.faulty import FaultGates, made_faulty, parted
from sarto.search.gated import Gated, gated_by
from sarto.search.limits import steering
from sarto.search.predicted import named
from sarto.search.shrink_decoded import Decoded, classes_of, decoded_of, said
from sarto.search.shrink_files import Effort, Image, Shrunk, stem, write_shrunk
from sarto.search.shrink_folder import FILE, GRAPH, ShrinkRequest, ShrinkResult, finished
from sarto.search.shrink_given import check_network, given_network, no_better_than_one_class, train_by_name
from sarto.search.shrink_heard import read_parts
from sarto.search.shrink_image import Images, images_of, in_floats, load_of, peak_sentence, renamed, size_of
from sarto.search.shrink_recipes import check_integers, recipes_of
from sarto.search.shrink_widths import width_points

if TYPE_CHECKING:
    from sarto.compress.recipe import Order
    from sarto.compress.state import Evaluation, State
    from sarto.learn.loop import History
    from sarto.measure.model import Measured
    from sarto.models.network.module import Network
    from sarto.search.shrink_trials import Chosen

WORK = ".work"
"""Folder in the output folder for what a stopped run has done; it goes when the folder is whole."""
VALIDATION_SHARE = 0.1
"""Of the items that are not for the test; the rest is trained on."""


def shrink(request: ShrinkRequest, talk: Talk) -> ShrinkResult:
    """Run the recipe and write the folder.

    Raises:
        SartoError: for a network or data that cannot be read, a recipe that cannot be followed, a step that cannot do
            what it was asked, or a folder that holds something else.
    """
    done = finished(request)
    if done is not None:
        return done
    effort = Effort()
    recipes = recipes_of(request)
    images = images_of(
        request, f"A network shrunk by Sarto: {stem(request.model)}", request.out / WORK / "images"
    )
    with talk.stage("data", 1) as stage:
        parts, ear = read_parts(request, images)
        fit, held = parts.rest.parts(VALIDATION_SHARE, request.seed)
        stage.advance(1, f"{len(fit)} to train on, {len(held)} to validate, {len(parts.test)} to test")
    test = parts.test
    if ear is not None and images is not None:
        images, (fit, held, test) = ear.heard(images, fit, held, test)
    network, remarks = given_network(request, fit)
    shape = network.architecture.input_shape
    if ear is not None:
        ear.check(shape, fit)
    fit, held, test = (shaped(part, shape) for part in (fit, held, test))
    check_network(network, fit, request.widths)
    if images is not None and not len(network.quantisers):
        check_integers(recipes, images.device.name)
    of_groups, of_faults = parted(request.gates)
    faults = made_faulty(of_faults, images, request.out / WORK / "faults", talk)
    gated = gated_by(request, of_groups, held)
    claim(request.out, request.identity())
    run = _Shrinking(
        request, recipes, network, fit, held, test, remarks, parts.how, effort, images, gated, faults
    )
    with given_up_if_empty(request.out):
        run.train_first(talk)
        result = run.run(talk)
    shutil.rmtree(request.out / WORK, ignore_errors=True)
    return result


def _training(request: ShrinkRequest) -> Any:
    from sarto.learn.loop import Training

    return Training(
        epochs=request.epochs,
        patience=request.patience,
        batch=request.batch,
        rate=request.rate,
        threads=request.threads,
        device=request.train_on,
        seed=request.seed,
    )


@dataclass
class _Shrinking:
    """One run of a recipe."""

    request: ShrinkRequest
    recipes: list[tuple[Order, ...]]
    network: Network
    fit: Examples
    held: Examples
    test: Examples
    remarks: tuple[str, ...]
    how: str
    effort: Effort
    images: Images | None = None
    gated: Gated | None = None
    faults: FaultGates | None = None
    histories: list[History] = field(default_factory=list["History"])
    curves: list[tuple[str, History]] = field(default_factory=list[tuple[str, "History"]])
    trials: int = 1
    on_device: int = 0

    def train_first(self, talk: Talk) -> None:
        """Train a network that was given by its name."""
        how, work = _training(self.request), self.request.out / WORK
        self.histories += train_by_name(self.network, self.request, self.fit, self.held, how, work, talk)

    def run(self, talk: Talk) -> ShrinkResult:
        """Run every step, write the file, test it once, and write the folder."""
        from sarto.compress.amounts import is_open
        from sarto.compress.recipe import coder_of
        from sarto.compress.state import Evaluation, State

        state = State(self.network)
        evaluation = Evaluation(
            self.fit,
            self.held,
            _training(self.request),
            seed=self.request.seed,
            budget=Budget(flash_b=self.request.flash_b),
            talk=talk,
            failures=self.request.failures,
            histories=self.histories,
        )
        (orders, *others), chosen = self.recipes, ""
        searched = bool(others) or is_open(orders)
        packed, _ = state.packed() if searched else state.packed(coder_of(orders))
        points = [self._point("as given", state, packed)]
        self.remarks += no_better_than_one_class(1 - points[0]["validation error"], self.held)
        if searched:
            found = self._searched(state, evaluation, points[0], talk)
            orders, chosen, self.trials = found.orders, found.name, len(found.points)
            points += found.points
            self.remarks = (*self.remarks, *found.remarks)
        state, steps = self._followed(orders, state, evaluation, points[0], talk)
        coder = coder_of(orders)
        data, table = state.packed(coder)
        if not searched:
            points += [*steps[:-1], self._asked(steps[-1], data)]
        write_atomic(self.request.out / FILE, data)
        decoded = decoded_of(data, self.fit.classes)
        if decoded.integers is not None and self.images is not None:
            decoded = replace(decoded, integers=self.images.point(decoded.integers, self.held)[0])
        if decoded.integers is not None:
            save_graph(decoded.integers.graph, self.request.out / GRAPH)
        measured = self._built(decoded, points[-1] if not searched else self._chosen(points, chosen), orders)
        evidence = self._tested(data, decoded, measured)
        budget = replace(self.request.budget, min_accuracy=self._least(evidence))
        verdict = judge(budget, {e.what: e for e in evidence})
        made = (*state.recipe.steps, *([Step(coder, {})] if orders[-1].room == "code" else []))
        points = told_apart(points)
        best = chosen or points[-1].name
        if self.images is not None:  # what has no image has no place among images
            points = [point for point in points if any(e.what == "flash" for e in point.evidence)]
        if decoded.integers is not None and decoded.integers.graph.groups > 1:
            given = decoded.integers.given(self.held)
            whole, graph = self._chosen(points, best), decoded.integers.graph
            points += width_points(graph, whole, evidence, given, self.held, self.request.command)
        return self._write(verdict, points, best, evidence, table, Recipe(made), decoded, measured)

    def _built(self, decoded: Decoded, point: OperatingPoint, orders: tuple[Order, ...]) -> Measured | None:
        """Return the image of the network as its file gives it back, measured on the test items; None without a device.

        The labels of the test items are not looked at here.
        """
        if self.images is None:
            return None
        if decoded.integers is None:
            raise in_floats(self.images.device.name, ",".join(map(str, orders)))
        counts = {e.what: e.value for e in point.evidence}
        measured, self.on_device = self.images.last(
            decoded.integers, self.test, counts.get("instructions per inference", 0.0)
        )
        self.remarks = (*self.remarks, peak_sentence(decoded.integers))
        return measured

    @staticmethod
    def _chosen(points: list[OperatingPoint], name: str) -> OperatingPoint:
        return next(point for point in points if point.name == name)

    def _followed(
        self,
        orders: tuple[Order, ...],
        state: State,
        evaluation: Evaluation,
        given: OperatingPoint,
        talk: Talk,
    ) -> tuple[State, list[OperatingPoint]]:
        """Return the state at the end of a recipe, and a point for each of its steps."""
        from sarto.compress.recipe import coder_of, run

        points, now = [given], state
        with talk.stage("recipe", len(orders)) as stage:
            for order, after in run(state, orders, evaluation, self.request.out / WORK):
                if after.network is now.network:  # a coder, or what later steps learn from, changes nothing
                    points.append(replace(points[-1], name=str(order), settings={}))
                else:
                    points.append(self._point(str(order), after, after.packed(coder_of(orders))[0]))
                now = after
                stage.advance(1, f"{order}: {size_of(points[-1]):.0f} B")
        return now, points[1:]

    def _searched(self, state: State, evaluation: Evaluation, given: OperatingPoint, talk: Talk) -> Chosen:
        """Return the best recipe that was found, with its state and a point for every trial."""
        from sarto.search.shrink_trials import Trials

        request, drop = self.request, self.request.max_drop
        most = None if drop is None else given["validation error"] + drop
        limits = steering(request.budget, self.images and self.images.device)
        goal = Goal(next(iter(limits.values()), None), most)
        alone = replace(evaluation, histories=[])  # of the trials only the chosen one's is told of
        trials = Trials(
            self.recipes,
            state,
            alone,
            goal,
            self._point,
            request.out / WORK,
            partial(load_of, limits),
            request.flash_b,
            None if self.faults is None else self._asked,
        )
        return trials.run(request.trials, talk)

    def _point(self, name: str, state: State, data: bytes) -> OperatingPoint:
        """Return a state as a point: what its file takes, and how accurate it is on validation.

        What was tuned since the last point is told of under its name.
        """
        self.curves += [(name, seen) for seen in self.histories[len(self.curves) :]]
        subject = _sha256(data)
        size = storage_evidence(
            len(data), self.network.architecture.size, command=self.request.command, subject=subject
        )
        decoded = decoded_of(data, self.fit.classes)
        if self.images is not None:
            size = renamed(size)
            if decoded.integers is not None:
                size = [*self.images.point(decoded.integers, self.held)[1].evidence, *size]
        guess, tool = said(decoded, self.held)
        quality = accuracy_evidence(
            self.held.y,
            guess,
            self.held.classes,
            part="validation",
            tool=tool,
            command=self.request.command,
            subject=subject,
        )
        error = replace(
            quality[0], what="validation error", value=1 - quality[0].value, interval=_flipped(quality[0])
        )
        settings = state.steps[-1].settings if state.steps else dict[str, Any]()
        found = (*size, error, *quality)
        if self.gated is not None:
            before = named(self.held.classes, self._given_held)
            failing = self.gated.evidence(named(self.held.classes, guess), before, self.request.command)
            found += (replace(failing, subject_sha256=subject),)
        return OperatingPoint(name, settings, found)

    def _asked(self, point: OperatingPoint, data: bytes) -> OperatingPoint:
        """Return a point with what gates of faults say of it, if there are any."""
        integers = decoded_of(data, self.fit.classes).integers
        if self.faults is None or self.images is None or integers is None:
            return point
        lowered = self.images.point(integers, self.held)[0]
        found = self.faults.evidence(
            lowered.graph, self.images.sources(lowered), of_items(lowered.given(self.held))
        )
        return also(point, found)

    @cached_property
    def _given_held(self) -> Any:
        """Class of each validation item by the network given, trained if it was to be."""
        return classes_of(self.network, self.held)

    def _tested(self, data: bytes, decoded: Decoded, measured: Measured | None) -> list[Evidence]:
        """Return the evidence of file and image, and the accuracy of it and of the network given on the test items."""
        of_file = _sha256(data)
        found = storage_evidence(
            len(data), self.network.architecture.size, command=self.request.command, subject=of_file
        )
        if measured is None:
            self.guess, tool = said(decoded, self.test)
        else:
            assert self.images is not None and decoded.integers is not None, "of an image"
            widths = self.images.of_widths(decoded.integers, self.test)
            found = [*measured.evidence, *widths, *renamed(found)]
            self.guess, tool = (
                measured.outcome.classes,
                "integer interpreter, equal to the generated C on every item",
            )
        self.given_guess = classes_of(self.network, self.test)
        for guess, part, by, subject in (
            (self.guess, "test", tool, of_file),
            (self.given_guess, "given test", "the network as it was given", ""),
        ):
            found += accuracy_evidence(
                self.test.y,
                guess,
                self.test.classes,
                part=part,
                tool=by,
                command=self.request.command,
                subject=subject,
            )
        return found

    def _least(self, evidence: list[Evidence]) -> float | None:
        """Return the least accuracy: that of the network given, less what may be lost."""
        if self.request.max_drop is None:
            return None
        given = next(e.value for e in evidence if e.what == "given test accuracy")
        return given - self.request.max_drop

    def _write(
        self,
        verdict: Verdict,
        points: list[OperatingPoint],
        chosen: str,
        evidence: list[Evidence],
        table: Table,
        recipe: Recipe,
        decoded: Decoded,
        measured: Measured | None,
    ) -> ShrinkResult:
        image = None
        if self.images is not None and decoded.integers is not None and measured is not None:
            image = Image(self.images, decoded.integers, measured, self.on_device)
        told = write_shrunk(
            Shrunk(
                request=self.request,
                given=self.network.architecture,
                parts=(self.fit, self.held, self.test),
                how=self.how,
                guess=self.guess,
                given_guess=self.given_guess,
                verdict=verdict,
                points=points,
                chosen=chosen,
                evidence=evidence,
                bytes=table,
                recipe=recipe,
                curves=self.curves,
                remarks=self.remarks,
                effort=self.effort,
                trials=self.trials,
                image=image,
            )
        )
        return ShrinkResult(self.request.out, verdict, tuple(points), told, table, self.remarks)


def _flipped(item: Evidence) -> tuple[float, float] | None:
    return None if item.interval is None else (1 - item.interval[1], 1 - item.interval[0])


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
