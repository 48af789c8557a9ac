"""Data in: files to a `Dataset`, and its splits."""
