"""The app behind a real nginx under a path, as docs/how-to/host.md sets it up."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tiny
from gradio_client import Client

from app.__main__ import start

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "host.md"
FRAME = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def behind(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address at which nginx answers for the app."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("There is no nginx here; on Debian: apt install nginx-light")
    tiny.surround(monkeypatch, models)
    inner, outer = free_port(), free_port()
    found = re.search(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found
    location = found[1].replace("127.0.0.1:7860", f"127.0.0.1:{inner}")
    (tmp_path / "conf").write_text(FRAME.format(folder=tmp_path, port=outer, location=location))
    page = start("127.0.0.1", inner, root_path="/plainsight")
    server = subprocess.Popen([nginx, "-c", tmp_path / "conf", "-e", tmp_path / "errors"])
    try:
        yield f"http://127.0.0.1:{outer}/plainsight/"
    finally:
        server.terminate()
        server.wait(20)
        page.close()


def test_everything_is_found_below_the_path(behind: str) -> None:
    with httpx.Client(base_url=behind, timeout=60, transport=httpx.HTTPTransport(retries=5)) as client:
        page = client.get("")
        assert page.status_code == 200
        assert re.search(r'"root": ?"http://127.0.0.1:\d+/plainsight"', page.text)
        links = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
        own = [link for link in links if not link.startswith(("data:", "http"))]
        assert own
        for link in own[:8]:
            assert client.get(link.removeprefix("./").removeprefix("/plainsight/")).status_code == 200, link
        for path in ("?talk=1", "postcard.webp?epsilon=16", "healthz", "preview.png", "plotly.min.js"):
            assert client.get(path).status_code == 200, path
        large = client.post("gradio_api/queue/join", content=b" " * 9_000_000)
        assert large.status_code == 413
    answer = Client(behind, verbose=False).predict(data="signs", model="standard", api_name="/robustness")
    assert answer["clean"]["accuracy"]["n"] > 0
