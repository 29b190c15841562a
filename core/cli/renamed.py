"""Names of earlier versions: each is answered with one sentence that gives its present name."""

COMMANDS = {"ladder": "risks"}
OPTIONS = {
    "train": {"--carry": "--persist", "--no-carry": "--no-persist"},
    "sweep": {"--cell": "--run", "--carry": "--persist", "--no-carry": "--no-persist"},
    "robustness": {"--lent": "--donors"},
}
"""The present name of each earlier option, by command."""


def check_command(name: str) -> None:
    """Raise ValueError if a command has another name now."""
    if name in COMMANDS:
        raise ValueError(f"The command {name!r} is now called {COMMANDS[name]!r}.")


def check_options(command: str, words: list[str]) -> None:
    """Raise ValueError if an option among the words after a command has another name now."""
    known = OPTIONS.get(command, {})
    for word in words:
        option = word.split("=", 1)[0]
        if option in known:
            raise ValueError(f"The option {option} of {command!r} is now called {known[option]}.")
