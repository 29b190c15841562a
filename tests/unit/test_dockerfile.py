"""What the image promises, as far as can be told without Docker."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from core import datasets

ROOT = Path(__file__).parents[2]
TEXT = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8"))
STEPS = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]


def said(word: str) -> list[str]:
    return [rest for first, rest in STEPS if first == word]


def test_it_runs_as_user_1000_and_hears_signals() -> None:
    assert said("USER") == ["1000"]
    assert said("STOPSIGNAL") == ["SIGTERM"]
    (command,) = said("CMD")
    assert json.loads(command)[:3] == ["python", "-m", "app"], "no shell that would keep the signal to itself"
    assert all(STEPS.index(["USER", "1000"]) < place for place, step in enumerate(STEPS) if "data fetch" in step[1])


def test_every_drawn_data_set_is_in_it() -> None:
    drawn = {name for name in ("signs", "streets") if datasets.get(name).drawn}
    assert drawn == {"signs", "streets"}
    assert set(re.findall(r"data fetch (\w+)", TEXT)) == drawn


def test_it_is_built_in_two_stages_on_one_base_that_can_be_chosen() -> None:
    assert said("FROM") == ["${BASE} AS build", "${BASE}"]
    base, backend = said("ARG")
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-[\w-]+@sha256:[0-9a-f]{64}", base), "a version, a digest, no registry"
    assert backend == "TORCH_BACKEND=cpu"
    (made,) = (rest for rest in said("RUN") if "uv pip install" in rest)
    assert '--torch-backend "${TORCH_BACKEND}"' in made
    assert set(re.findall(r"--requirement (\S+)", made)) == {"requirements.txt", "requirements/metrics.txt"}
    assert [names for names in said("COPY") if "--from" in names] == ["--from=build /srv/venv /srv/venv"]


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for names in said("COPY"):
        if names.startswith("--from="):
            continue
        for name in names.split()[:-1]:
            assert (ROOT / name).exists()
            assert name in kept


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (503, 1)])
def test_the_health_check_fails_without_models(status: int, exit_code: int) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    (check,) = said("HEALTHCHECK")
    words = json.loads(check.partition("CMD ")[2])
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = words[2].replace(":7860", f":{server.server_port}")
        assert code != words[2]
        done = subprocess.run([sys.executable, "-S", *words[1:2], code], capture_output=True, check=False, timeout=60)
        server.shutdown()
    assert done.returncode == exit_code, done.stderr
