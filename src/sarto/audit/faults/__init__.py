"""Fault campaigns: what one wrong bit does to a model, on its integer graph, its image and its container."""
