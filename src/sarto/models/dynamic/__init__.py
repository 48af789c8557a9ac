"""Networks whose width is chosen at run time: groups of channels that never read later ones, one copy of all."""
