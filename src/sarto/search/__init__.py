"""From data and a budget to operating points: candidates, their trials, the search, and the whole fit."""
