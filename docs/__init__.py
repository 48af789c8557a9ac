"""The documentation site: its pages, and `_parts`, which writes what pages take over from the sources."""
