"""The commands, one file for each kind of work; `core.__main__` strings them together."""
