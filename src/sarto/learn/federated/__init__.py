"""Learning across clients whose data stay where they are."""
