"""What `continual` asks besides: heads of one's own, which items to label next, how alarms keep their promise.

Each is asked of the reservoir that `none` has, with its features of all items.

    own heads   every domain (subject, speaker) in turn is new: the general head is of the training items of all others,
                its own rows are some of its training items, and its tested items judge. `towards` is the head shrunk
                towards the general one, `weighted` that of all rows where its own count more. Controls: the rows added
                to the statistics as they are, and a head of the rows alone.
    labels      of the training items of all, those that lower the leverage of all most (`pool`), those of largest
                leverage, and as many at random, for a ridge readout. `pool`, the ridges and the readout were settled on
                validation items of seed 0 after leverage had been seen to be worse than random choice.
    alarms      every domain in turn is new: mistakes and features of the tested items of the others, drawn at random,
                and then those of the new one, of which the reference and the head know nothing. A control has batches
                in the order of the data, whose rows resemble their neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._stream_methods import Features, Items, statistics_of
from benchmarks._streams import Task
from sarto.core.seed import generator
from sarto.learn.continual.error_drift import ErrorDrift, accepted_rate
from sarto.learn.continual.feature_drift import FeatureDrift
from sarto.learn.continual.labelling import next_to_label
from sarto.learn.continual.personal import personal_head
from sarto.learn.continual.weighted import weighted_head
from sarto.learn.heads.linear import LinearHead, ridge_head
from sarto.learn.statistics import RidgeStatistics

OWN_ROWS = (10, 30)
LABELS, DRAWS = (20, 50, 100), 10
KNOWN, RELATIVE = 0.1, 1e-2
"""Rows that what is known before is worth; ridge of the readout of few labels, relative to the trace."""
ITEMS_UNTIL, BATCHES_UNTIL, BATCH = 1000, 100, 20
"""Run lengths that the alarms promise; rows of a batch."""
WATCHED_ITEMS, WATCHED_BATCHES = 3000, 300


def own_heads(task: Task, features: Features, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each number of own rows and each head the accuracy of every domain."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for domain in np.unique(task.domain).tolist():
        own = task.domain == domain
        general = statistics_of(task, features, task.items(~task.tested & ~own), None)
        head, test = ridge_head(general), task.items(task.tested & own)
        training = generator(seed, "own rows", domain).permutation(task.items(~task.tested & own))
        for count in OWN_ROWS:
            rows = training[:count]
            x, y = features[rows], task.target[rows]
            statistics = RidgeStatistics.of(x, y, classes=task.labels)
            heads = {
                "general": head,
                "towards": personal_head(head, x, y).head,
                "weighted": weighted_head(general, x, y).head,
                "rows added": ridge_head(general + statistics),
                "rows alone": ridge_head(statistics),
            }
            for name, each in heads.items():
                by_domain = found.setdefault(str(count), {}).setdefault(name, {})
                by_domain[str(domain)] = _right(task, each, features, test)
    return found


def labels(task: Task, features: Features, seed: int) -> dict[str, dict[str, float]]:
    """Return for each number of labels the accuracy with those chosen by leverage, and with random ones."""
    pool, test = task.items(~task.tested), task.items(task.tested)
    unlabelled = RidgeStatistics.of(features[pool], np.zeros(len(pool)))
    empty = RidgeStatistics.empty(features.shape[1], 1)
    ridge = unlabelled.ridge_from_relative(KNOWN) / unlabelled.weight
    order = {
        by: next_to_label(empty, features[pool], count=max(LABELS), ridge=ridge, by=by)
        for by in ("pool", "leverage")
    }
    random = [generator(seed, "labels", draw).permutation(len(pool)) for draw in range(DRAWS)]

    def right(chosen: Items) -> float:
        known = statistics_of(task, features, pool[chosen], None)
        return _right(task, ridge_head(known, known.ridge_from_relative(RELATIVE)), features, test)

    return {
        str(count): {
            **{by: right(chosen[:count]) for by, chosen in order.items()},
            "random": float(np.mean([right(each[:count]) for each in random])),
        }
        for count in LABELS
    }


def alarms(task: Task, features: Features, seed: int) -> dict[str, Any]:
    """Return how often alarms came without a change, and how soon with one."""
    counts = dict.fromkeys(
        ("items", "item alarms", "batches", "batch alarms", "in order", "in order alarms"), 0
    )
    delays: dict[str, list[int | None]] = {"errors": [], "features": []}
    for domain in np.unique(task.domain).tolist():
        random = generator(seed, "alarms", domain)
        new = task.domain == domain
        learned, held = task.items(~task.tested & ~new & ~task.validation), task.items(task.validation & ~new)
        head = ridge_head(statistics_of(task, features, learned, None))
        wrong = head.predict(features) != task.target
        accepted = accepted_rate(int(wrong[held].sum()), len(held))
        still, moved = task.items(task.tested & ~new), random.permutation(task.items(new))
        watch = ErrorDrift(accepted, ITEMS_UNTIL)
        drawn = wrong[random.choice(still, WATCHED_ITEMS)].tolist()
        counts["items"] += WATCHED_ITEMS
        counts["item alarms"] += sum(watch.add(float(mistake)) is not None for mistake in drawn)
        delays["errors"].append(
            _first(ErrorDrift(accepted, ITEMS_UNTIL), wrong[moved].astype(float).tolist())
        )
        draws = [_rows(features, random.choice(still, BATCH)) for _ in range(WATCHED_BATCHES)]
        watch_features = _watch(features, random.choice(still, 10 * BATCH), head)
        counts["batches"] += WATCHED_BATCHES
        counts["batch alarms"] += sum(watch_features.add(batch) is not None for batch in draws)
        batches = [_rows(features, part) for part in _cut(moved)]
        delays["features"].append(_first(_watch(features, still, head), batches))
        in_order = [_rows(features, part) for part in _cut(still)]
        ordered = _watch(features, random.choice(still, 10 * BATCH), head)
        counts["in order"] += len(in_order)
        counts["in order alarms"] += sum(ordered.add(batch) is not None for batch in in_order)
    return {"counts": counts, "delays": delays}


def _right(task: Task, head: LinearHead, features: Features, items: Items) -> float:
    return int(np.count_nonzero(head.predict(features[items]) == task.target[items])) / len(items)


def _rows(features: Features, items: Items) -> RidgeStatistics:
    return RidgeStatistics.of(features[items], np.zeros(len(items)))


def _watch(features: Features, items: Items, head: LinearHead) -> FeatureDrift:
    return FeatureDrift(_rows(features, items), BATCHES_UNTIL, head.weights)


def _cut(items: Items) -> list[Items]:
    return [items[i : i + BATCH] for i in range(0, len(items) - BATCH + 1, BATCH)]


def _first(watch: ErrorDrift | FeatureDrift, observations: list[Any]) -> int | None:
    for observation in observations:
        if alarm := watch.add(observation):
            return alarm.when
    return None
