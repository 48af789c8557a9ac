"""Multiply-And-Max/min neurons: their sums keep only the largest and the smallest product."""
