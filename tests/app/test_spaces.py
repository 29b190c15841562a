"""Spaces with a server: what is in their folders, that they start as on the platform, and how they are pushed."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import huggingface_hub
import pytest
import typer
from huggingface_hub import SpaceCard
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled

from app.edition.export import folder as edition
from app.edition.export import hub, server, space

ROOT = Path(__file__).parents[2]
NEVER = {"tests", "docs", "benchmarks", "node_modules", "__pycache__", ".git"}


@pytest.fixture
def written(models: Path, tmp_path: Path) -> Any:
    """Writes a form of a Space with the tiny models."""

    def write(sdk: str) -> Path:
        space.main(tmp_path / sdk, sdk=sdk, address="https://example.org/x/")
        return tmp_path / sdk

    return write


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts a command in a folder and waits for its `/healthz`; the repository is not on its path."""
    processes = []

    def start(command: list[str], folder: Path, **more: str) -> httpx.Response:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # drawn data sets are in the usual cache
        own = ("PYTHONPATH", "PLAINSIGHT_CHECKPOINTS", "PLAINSIGHT_DATA", "PLAINSIGHT_CACHE")
        surroundings = {name: value for name, value in os.environ.items() if name not in own}
        surroundings |= {"GRADIO_SERVER_PORT": str(port), **more}
        words = [word.replace("7860", str(port)) for word in command]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(words, cwd=folder, env=surroundings, stdout=log, stderr=subprocess.STDOUT)
        processes.append(process)
        for _ in range(1200):
            with suppress(httpx.TransportError):  # not yet there, or there without this address
                if (answer := httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30)).status_code == 200:
                    return answer
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        pytest.fail((tmp_path / "log").read_text())

    yield start
    for process in processes:
        process.kill()
        process.wait()


def front(folder: Path) -> dict[str, Any]:
    return SpaceCard((folder / "README.md").read_text("utf-8")).data.to_dict()


def checked(folder: Path, models: Path) -> None:
    """What holds of each form."""
    assert not NEVER & {path.name for path in folder.rglob("*")}
    shipped = {path.relative_to(folder / "checkpoints") for path in (folder / "checkpoints").rglob("*.*")}
    whole = {path.relative_to(models / "checkpoints") for path in (models / "checkpoints").rglob("*.*")}
    assert shipped == whole
    about = front(folder)
    assert len(about["short_description"]) <= 60
    assert about["thumbnail"] == "https://example.org/x/preview.png"
    assert about["license"] == "apache-2.0"
    for path in folder.rglob("*"):
        assert path.stat().st_size < 10_000_000, "larger ones take Git LFS on the Hub"


@pytest.mark.slow
def test_a_gradio_space_starts_as_the_platform_starts_it(written: Any, models: Path, started: Any) -> None:
    folder = written("gradio")
    checked(folder, models)
    about, pins = front(folder), (ROOT / "requirements.txt").read_text().splitlines()
    assert (about["sdk"], about["app_file"], about["python_version"]) == ("gradio", "app.py", "3.12")
    assert f"gradio=={about['sdk_version']}" in pins
    needs = (folder / "requirements.txt").read_text().splitlines()
    assert set(needs) <= set(pins)
    names = {need.partition("==")[0] for need in needs}
    assert {"torch", "torchvision", "timm"} <= names
    assert not names & {"gradio", "spaces", "pytest", "torchattacks", "mkdocs"}
    health = started([sys.executable, "app.py"], folder, SPACE_ID="owner/name", SYSTEM="spaces", GRADIO_MCP_SERVER="0")
    assert health.json()["models"] == len([*(models / "checkpoints").glob("*/*/model.safetensors")])
    log = folder.parent / "log"
    for _ in range(100):  # it is printed once the page has been made
        if "PlainSight is at" in log.read_text():
            break
        time.sleep(0.1)
    assert "PlainSight is at" in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_a_docker_space_starts_from_what_its_dockerfile_copies(
    written: Any, models: Path, started: Any, tmp_path: Path
) -> None:
    """The steps that need no Docker, one by one: what is copied, then the command and the check of its health."""
    folder = written("docker")
    checked(folder, models)
    assert (front(folder)["sdk"], front(folder)["app_port"]) == ("docker", 7860)
    assert (folder / "Dockerfile").read_bytes() == (ROOT / "Dockerfile").read_bytes()
    steps = re.sub(r"\\\n\s*", " ", (folder / "Dockerfile").read_text("utf-8"))
    image = tmp_path / "image"
    image.mkdir()
    kept = {line[1:] for line in (folder / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in server.copied(steps):
        assert name in kept
        copy = shutil.copytree if (folder / name).is_dir() else shutil.copyfile
        copy(folder / name, image / name)
    (command,) = re.findall(r"^CMD (.+)$", steps, re.MULTILINE)
    (check,) = re.findall(r"^HEALTHCHECK .*?CMD (.+)$", steps, re.MULTILINE)
    words = [sys.executable, *json.loads(command)[1:]]
    health = started(words, image)
    assert health.json()["models"] == len([*(models / "checkpoints").glob("*/*/model.safetensors")])
    asked = [word.replace(":7860", f":{health.url.port}") for word in json.loads(check)]
    subprocess.run([sys.executable, *asked[1:]], check=True, timeout=60)


def test_the_repositorys_own_readme_is_that_of_a_space_free_for_everyone() -> None:
    assert (ROOT / "README.md").read_text("utf-8").startswith(space.front("static"))


def test_an_earlier_space_is_replaced_and_anything_else_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "CODE", ())
    monkeypatch.setattr(server, "MODELS", "LICENSE")
    for _ in range(2):
        space.main(tmp_path / "a", sdk="gradio")
    assert (tmp_path / "a" / "app.py").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").touch()
    for folder, sdk, words in (
        (tmp_path / "mine", "gradio", "holds other files"),
        (tmp_path / "b", "zip", "--sdk is static, gradio or docker, and 'zip' was given"),
    ):
        with pytest.raises(typer.Exit):
            space.main(folder, sdk=sdk)
        assert words in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_without_the_repository_it_says_what_is_missing(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "ROOT", tmp_path / "site-packages")
    with pytest.raises(typer.Exit):
        space.main(tmp_path / "a", sdk="docker")
    assert "There is no Dockerfile beside app: this kind of Space is written from the repository." in (
        capsys.readouterr().err
    )


class Hub:
    """What `push` uses of `HfApi`: the files of Spaces by name."""

    def __init__(self) -> None:
        self.spaces: dict[str, list[str]] = {}
        self.made: dict[str, Any] = {}
        self.fails: Exception | None = None

    def repo_exists(self, name: str, *, repo_type: str) -> bool:
        assert repo_type == "space"
        if self.fails:
            raise self.fails
        return name in self.spaces

    def list_repo_files(self, name: str, *, repo_type: str) -> list[str]:
        return self.spaces[name]

    def create_repo(self, name: str, **options: Any) -> None:
        self.made[name] = options
        self.spaces[name] = [".gitattributes", "README.md"]

    def upload_folder(self, *, repo_id: str, folder_path: Path, delete_patterns: str, **options: Any) -> None:
        assert (options["repo_type"], delete_patterns) == ("space", "*")
        found = [path for path in folder_path.rglob("*") if path.is_file()]
        self.spaces[repo_id] = [path.relative_to(folder_path).as_posix() for path in found]


class TestPush:
    @pytest.fixture(autouse=True)
    def _pushed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
        self.hub = Hub()
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: self.hub)
        monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")
        monkeypatch.setattr(server, "gradio", lambda made: (made / "app.py").touch())
        self.folder = tmp_path / "out"
        return self.hub

    def said(self, name: str, capsys: pytest.CaptureFixture[str]) -> str:
        with pytest.raises(typer.Exit) as ended:
            space.main(self.folder, sdk="gradio", push=name)
        assert ended.value.exit_code == 2
        found = capsys.readouterr().err
        assert found.startswith("Error: ")
        assert found.count("\n") == 1
        assert "hf_secret" not in found
        return found

    def test_a_space_is_made_and_holds_the_folder_then(self, capsys: pytest.CaptureFixture[str]) -> None:
        space.main(self.folder, sdk="gradio", push="Ada/plain_sight")
        assert self.hub.made["Ada/plain_sight"]["space_sdk"] == "gradio"
        assert self.hub.made["Ada/plain_sight"]["space_hardware"] == "zero-a10g"
        assert sorted(self.hub.spaces["Ada/plain_sight"]) == ["README.md", "app.py", edition.SIGN]
        assert front(self.folder)["thumbnail"] == "https://ada-plain-sight.hf.space/preview.png"
        assert "Pushed: https://huggingface.co/spaces/Ada/plain_sight" in capsys.readouterr().out
        space.main(self.folder, sdk="gradio", push="Ada/plain_sight")
        assert hub.address("a/b", "static") == "https://a-b.static.hf.space"

    def test_a_space_of_something_else_stays(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.hub.spaces["ada/other"] = [".gitattributes", "README.md", "model.py"]
        assert "ada/other holds other files, like model.py" in self.said("ada/other", capsys)
        assert len(self.hub.spaces["ada/other"]) == 3

    @pytest.mark.parametrize("name", ["ada", "a/b/c", "ada/..", "ada/what is this", "/x"])
    def test_a_bad_name_is_refused_before_anything_is_written(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert f"--push takes OWNER/NAME in letters, digits, hyphens, underscores and dots, and {name!r}" in self.said(
            name, capsys
        )
        assert not self.folder.exists()

    def test_without_a_token_it_says_how_to_get_one(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
        assert "takes a token that may write: set HF_TOKEN" in self.said("ada/x", capsys)
        assert not self.folder.exists()

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (OfflineModeIsEnabled("offline"), "The Hub cannot be reached (OfflineModeIsEnabled); "),
            (HTTPError("no route"), "The Hub cannot be reached (HTTPError); "),
            (403, "The Hub refused to take ada/x (403: the token may not write there)."),
            (500, "The Hub refused to take ada/x (500: out of order)."),
        ],
        ids=str,
    )
    def test_what_fails_on_the_way_is_one_sentence_and_the_folder_stays(
        self, error: Any, words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if isinstance(error, int):
            answer: Any = SimpleNamespace(status_code=error, headers={}, request=None)
            error = HfHubHTTPError("refused", response=answer, server_message="out of order")
        self.hub.fails = error
        assert words in self.said("ada/x", capsys)
        assert (self.folder / "app.py").is_file()
