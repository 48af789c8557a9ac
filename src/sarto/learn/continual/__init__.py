"""Learning from data that arrive bit by bit: streams, what is kept of them, drift and its alarm, personal heads."""
