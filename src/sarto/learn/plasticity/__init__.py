"""Rules by which a reservoir adapts to its inputs without targets: gains and shifts (intrinsic) and W (synaptic)."""
