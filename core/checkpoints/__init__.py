"""Model folders: the model itself, what was measured of it, and the perturbations that did it."""
