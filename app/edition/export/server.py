"""The app as a Space with a server: the repository's own files, without tests, benchmarks and documentation."""

import re
import shutil
import tomllib
from pathlib import Path

CODE = ("app", "core")
ROOT = Path(__file__).parents[3]
"""The repository."""
ENTRY = ROOT / "app" / "entry.py"
MODELS = "checkpoints"
README = "README.md"


def gradio(made: Path) -> None:
    """What a Gradio Space needs besides its README: `app.py`, pinned requirements, code and models.

    Raises FileNotFoundError where this is no repository, ValueError where a requirement is not pinned.
    """
    requirements = _requirements()
    shutil.copyfile(ENTRY, made / "app.py")
    (made / "requirements.txt").write_text(requirements, "utf-8")
    for name in (*CODE, MODELS, "LICENSE"):
        _copy(name, made)


def docker(made: Path) -> None:
    """The Dockerfile and what it copies. Raises FileNotFoundError where this is no repository."""
    for name in ("Dockerfile", ".dockerignore", *copied(_read("Dockerfile"))):
        _copy(name, made)


def copied(dockerfile: str) -> list[str]:
    """What a Dockerfile copies from the folder that it lies in.

    >>> copied("FROM a\\nCOPY x.toml y.txt ./\\nCOPY --chown=user core \\\\\\n  core\\nCOPY --from=made /z z")
    ['x.toml', 'y.txt', 'core']
    """
    steps = re.findall(r"^COPY\s+(.+)$", re.sub(r"\\\n\s*", " ", dockerfile), re.MULTILINE)
    words = [step.split() for step in steps if "--from=" not in step]
    return [name for step in words for name in step[:-1] if not name.startswith("--")]


def gradio_version() -> str:
    """The version of Gradio that is pinned."""
    return _pins()["gradio"]


def _requirements() -> str:
    """The app's own needs at the versions that are pinned; Gradio is not among them, since the README names it.

    What these need in turn is left to the platform, which installs Gradio with parts that ask for older versions.
    """
    needs = tomllib.loads(_read("pyproject.toml"))["project"]["dependencies"]
    names, pins = [_name(need) for need in needs], _pins()
    if missing := [name for name in names if name not in pins]:
        raise ValueError(f"requirements.txt pins no version of {', '.join(missing)}.")
    return "".join(f"{name}=={pins[name]}\n" for name in names if name != "gradio")


def _pins() -> dict[str, str]:
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)", _read("requirements.txt"), re.MULTILINE)
    return {_name(name): version for name, version in lines}


def _name(need: str) -> str:
    """A requirement's name as all spellings of it have it.

    >>> _name("Segmentation_Models.PyTorch>=0.5")
    'segmentation-models-pytorch'
    """
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", need, maxsplit=1)[0]).lower()


def _read(name: str) -> str:
    path = ROOT / name
    if not path.is_file():
        raise FileNotFoundError(f"There is no {name} beside app: this kind of Space is written from the repository.")
    return path.read_text("utf-8")


def _copy(name: str, made: Path) -> None:
    """Copy a file or folder of the repository; of the models only what the app shows, no README."""
    from app import service

    if name == MODELS:
        for place, path in service.model_files().items():
            (made / name / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, made / name / place)
    elif (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__", "*.py[cod]"))
    elif name != README:
        _read(name)
        shutil.copyfile(ROOT / name, made / name)
