"""What simulated substrates share: they take any number of sequences at once, on any thread, and show their state.

>>> from sarto.models.substrate.oscillators import Oscillators
>>> issubclass(Oscillators, Simulated)
True
"""

from __future__ import annotations


class Simulated:
    """A substrate that is computed and keeps nothing between sessions."""

    @property
    def units(self) -> int:
        """Numbers that are read."""
        raise NotImplementedError

    @property
    def states(self) -> int:
        """All of the state is read."""
        return self.units

    @property
    def at_once(self) -> int | None:
        """Any number."""
        return None

    @property
    def concurrent(self) -> bool:
        """Nothing is kept between sessions."""
        return True
