"""What tuning after the steps of a recipe saw, pass by pass: loss, and loss and accuracy on validation.

Returns one `Tuning` for each training, in order. Of each the pass that was best on validation was kept.

>>> columns = "tuning", "step", "pass", "loss", "validation loss", "validation accuracy"
>>> rows = (1, "codebook:4", 1, 0.5, "", ""), (1, "codebook:4", 2, 0.4, 0.45, 0.9)
>>> table = Table("training", columns, ("",) * 3 + ("1",) * 3, rows, ("",) * 3 + ("measured",) * 3)
>>> [(t.step, t.passes, t.kept, t.accuracy_kept) for t in tunings(table)]
[('codebook:4', 2, 2, 0.9)]
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.table import Table


@dataclass(frozen=True)
class Tuning:
    """One training: the step it belongs to, and what each pass saw; None on validation where nobody looked."""

    number: int
    step: str
    loss: list[float]
    validation_loss: list[float | None]
    validation_accuracy: list[float | None]

    @property
    def passes(self) -> int:
        """Number of passes over the training items."""
        return len(self.loss)

    @property
    def kept(self) -> int | None:
        """The pass, from 1, whose weights were kept: that of the least validation loss; None is the last."""
        seen = [(value, i) for i, value in enumerate(self.validation_loss, 1) if value is not None]
        return min(seen)[1] if seen else None

    @property
    def accuracy_kept(self) -> float | None:
        """Validation accuracy after the pass that was kept."""
        return None if self.kept is None else self.validation_accuracy[self.kept - 1]


def tunings(table: Table | None) -> list[Tuning]:
    """Return the trainings that the table `training` holds, none without one."""
    found: dict[int, Tuning] = {}
    for number, step, _, *values in table.rows if table else ():
        one = found.setdefault(int(number), Tuning(int(number), str(step), [], [], []))
        loss, validation_loss, accuracy = (None if isinstance(v, str) else float(v) for v in values)
        assert loss is not None, "a pass without a loss"
        one.loss.append(loss)
        one.validation_loss.append(validation_loss)
        one.validation_accuracy.append(accuracy)
    return list(found.values())
