"""Learning: new weights for the same model."""
