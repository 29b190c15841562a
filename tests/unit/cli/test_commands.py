"""The list of commands, the installed name `plainsight`, and shell completion."""

import importlib.metadata
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from core.__main__ import COMMANDS, DATA_COMMANDS, MORE, app, main
from core.checkpoints import store
from core.cli.lazy import Commands
from core.cli.training_options import architecture
from core.models.registry import create

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RENAMED = [
    ("train", "--carry", "--persist"),
    ("train", "--no-carry", "--no-persist"),
    ("sweep", "--carry", "--persist"),
    ("sweep", "--no-carry", "--no-persist"),
    ("sweep", "--cell", "--run"),
    ("robustness", "--lent", "--donors"),
]


def run(*words, **more):
    return CliRunner().invoke(app, list(words), prog_name="plainsight", env={"COLUMNS": "200"}, **more)


def test_commands_are_listed_in_the_order_of_the_work():
    listed = re.findall(r"^│ ([a-z]+) +\S", run("--help").output.split("Commands")[1], re.MULTILINE)
    assert listed[: len(COMMANDS) + 1] == ["data", *COMMANDS]


@pytest.mark.parametrize(
    "words", [*([name] for name in COMMANDS), *(["data", name] for name in DATA_COMMANDS)], ids=" ".join
)
def test_every_command_explains_itself(words):
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert f"Usage: plainsight {' '.join(words)} [OPTIONS]" in result.output
    sentence = (DATA_COMMANDS if "data" in words else COMMANDS)[words[-1]]
    assert re.search(rf"^ {re.escape(sentence)} *$", result.output, re.MULTILINE)


def test_the_full_help_is_there_before_the_options_are_asked_for():
    command = typer.main.get_command(app).commands["sweep"]
    assert "Rerun the command to resume" in command.help
    assert {"run", "persist"} <= {option.name for option in command.params}


def test_lists_of_commands_do_not_wait_for_pytorch():
    lines = ["--help", "--version", "data --help", "lader"]
    code = (
        "import sys; from core.__main__ import main\n"
        f"for line in {lines}:\n"
        "    sys.argv = ['plainsight', *line.split()]\n"
        "    try: main()\n"
        "    except SystemExit: print(line, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall("^(.*) (True|False)$", done.stdout, re.MULTILINE) == [(line, "False") for line in lines]


def test_the_version_is_that_of_the_package():
    assert run("--version").output == f"plainsight {importlib.metadata.version('plainsight')}\n"


@pytest.mark.parametrize(("shell", "script"), [("bash", "complete -o default -F"), ("zsh", "#compdef plainsight")])
def test_the_completion_script_is_for_the_installed_command(shell, script, monkeypatch, capsys):
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # tests may run without a shell
    monkeypatch.setattr(sys, "argv", ["python -m core", "--show-completion", shell])
    with pytest.raises(SystemExit) as stopped:
        main()
    told = capsys.readouterr().out
    assert stopped.value.code == 0
    assert script in told
    assert "_PLAINSIGHT_COMPLETE=complete_" in told


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("plainsight ro", ["robustness"]),
        ("plainsight data f", ["fetch"]),
        ("plainsight train --lab", ["--label-smoothing"]),
        ("plainsight lad", []),
        ("plainsight train --car", []),
    ],
)
def test_the_shell_completes_commands_and_options(line, completed):
    words = line.split()
    asked = {"_PLAINSIGHT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = CliRunner().invoke(app, [], prog_name="plainsight", env=asked)
    assert result.output.split() == completed


def test_what_is_installed_as_plainsight_is_this_command_line():
    assert pkgutil.resolve_name(PROJECT["scripts"]["plainsight"]) is main


def test_the_app_is_a_command_though_the_engine_does_not_import_it():
    function = pkgutil.resolve_name(PROJECT["entry-points"][MORE]["app"])
    line = typer.Typer(cls=Commands)
    line.command("app")(function)
    line.command("other")(lambda: None)
    result = CliRunner().invoke(line, ["app", "--help"])
    assert result.exit_code == 0
    assert "--port" in result.output


@pytest.mark.parametrize(("old", "new"), [("ladder", "risks")])
def test_an_earlier_name_of_a_command_is_answered_with_the_present_one(old, new, monkeypatch, capsys):
    assert told(monkeypatch, capsys, old, "checkpoints/signs/standard", "--epsilon", "8") == (
        2,
        f"Error: The command {old!r} is now called {new!r}.",
    )
    assert old not in run("--help").output.split()
    assert new in COMMANDS


@pytest.mark.parametrize(("command", "old", "new"), RENAMED)
@pytest.mark.parametrize("value", ["", "=x"])
def test_an_earlier_name_of_an_option_is_answered_with_the_present_one(command, old, new, value, monkeypatch, capsys):
    assert told(monkeypatch, capsys, command, old + value) == (
        2,
        f"Error: The option {old} of {command!r} is now called {new}.",
    )
    words = run(command, "--help").output.split()
    assert old not in words
    assert new in words


def told(monkeypatch, capsys, *words):
    """The exit status of a command line and what it says on standard error."""
    monkeypatch.setattr(sys, "argv", ["plainsight", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code, capsys.readouterr().err.strip()


def test_training_goes_on_with_the_architecture_that_it_starts_from(tmp_path):
    config = {"architecture": "resnet8/8", "data": "signs", "classes": ["a", "b"], "recipe": {}}
    store.save(tmp_path / "start", create("resnet8/8", 2), config)
    start = str(tmp_path / "start")
    assert architecture(None, start) == "resnet8/8"
    assert architecture("resnet20/64", start) == "resnet20/64"
    assert [architecture(None, start) for start in (None, "imagenet", str(tmp_path))] == ["resnet20"] * 3
