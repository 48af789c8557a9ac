"""Feed-forward networks: what they compute (`architecture`, without torch) and torch modules that compute it."""
