"""Plain values and what every other room stands on. Nothing here imports torch."""
