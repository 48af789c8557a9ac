"""From a trained model to what a device runs: the integer graph, its memory plan, and C."""
