"""Policies: how an operating point is chosen. Every public file is a policy and lists itself.

A policy is a frozen class `Policy` of settings with one method, `choose(points, goal, state) -> Choice`, see `_choice`.

>>> from sarto.core.rooms import methods
>>> "min_energy" in methods("sarto.runtime.policies")
True
"""
