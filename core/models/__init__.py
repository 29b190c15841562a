"""Architectures by name, and weights that were trained elsewhere."""
