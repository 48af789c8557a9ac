"""A federation that a file describes: read, set up, and run."""
