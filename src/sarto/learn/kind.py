"""What statistics are of: only those of one kind add up, but for classes, of which one side may know more.

>>> Kind(3, 2, ("a", "b")).joined(Kind(3, 1, ("c",))).classes
('a', 'b', 'c')
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias, cast

from sarto.models.input_error import InputError

Label: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Kind:
    """Features, targets, and where they are from.

    Attributes:
        features: of a row.
        outputs: targets of a row.
        classes: labels in the order of the outputs; None for numeric targets.
        features_id: names what computed the features.
    """

    features: int
    outputs: int
    classes: tuple[Label, ...] | None = None
    features_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "classes": None if self.classes is None else list(self.classes)}

    def joined(self, other: Kind) -> Kind:
        """Return the kind of a sum of both: the classes of either, sorted where they differ.

        Raises:
            InputError: E108 or E116, when the features or the kinds of target differ.
        """
        if self.features != other.features:
            raise InputError(
                "E108",
                f"{self.features} features and {other.features}",
                cause="only statistics of the same features can be combined",
                hint="use one reservoir and one pooling",
            )
        if self.features_id != other.features_id:
            raise InputError(
                "E116",
                f"features {self.features_id[:12] or 'unnamed'} and {other.features_id[:12] or 'unnamed'}",
                cause="they are of different reservoirs, poolings or input scalings; their sum would mean nothing",
                hint="compute both with the same fitted transformer",
            )
        if self.classes == other.classes:
            if self.outputs != other.outputs:
                raise InputError(
                    "E108",
                    f"{self.outputs} and {other.outputs} targets",
                    cause="they must agree",
                    hint="check the targets",
                )
            return self
        if self.classes is None or other.classes is None:
            raise InputError(
                "E116", "labels and numbers", cause="the kinds of target differ", hint="do not mix them"
            )
        try:
            classes = tuple(sorted(cast("set[Any]", {*self.classes, *other.classes})))
        except TypeError as error:
            raise InputError(
                "E116",
                "labels of different types",
                cause=str(error),
                hint="use strings or numbers throughout",
            ) from error
        return replace(self, outputs=len(classes), classes=classes)

    def check_part(self, part: Kind) -> None:
        """Check that what is of the kind `part` can be a part of a sum of this kind, whose classes are all there are.

        Raises:
            InputError: E108 or E116, as `joined`; E116 for a class that is none of these.
        """
        self.joined(part)
        known = self.classes or ()
        if unknown := [label for label in part.classes or () if label not in known]:
            raise InputError(
                "E116",
                f"label {unknown[0]!r} is not one of the classes",
                cause=f"the classes are {', '.join(map(str, known))}",
                hint="name every label in classes",
            )
