"""Reservoirs on graphs: graphs with node features, the reservoir, its states, pooling and stability."""
