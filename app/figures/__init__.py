"""Plotly figures as JSON. Colours are names of CSS variables of the page (`@a`); the browser fills them in.

Plain dictionaries, because Plotly's Python objects would refuse such names and take a second to import.
"""

from app.figures.epsilon import both
from app.figures.fronts import SYMBOLS, falling, tradeoff
from app.figures.visibility import accuracy_by_visibility, needed_visibility, spectrum

__all__ = ["SYMBOLS", "accuracy_by_visibility", "both", "falling", "needed_visibility", "spectrum", "tradeoff"]
