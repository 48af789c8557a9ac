"""Models before they are trained: each module returns a model."""
