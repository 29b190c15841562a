"""What visitors send, whatever it is: it is taken, or refused in a sentence."""

import base64
import io
import json
import socket
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from fuzz import damaged, in_a_sentence, json_values, often
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app import service
from app.__main__ import start
from app.page import discovered
from app.service import received
from app.service.api import perturb, predict
from app.session import HIDDEN, Session
from app.settings import read


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)).save(buffer, kind)
    return buffer.getvalue()


KINDS = ("PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP", "JPEG2000", "AVIF", "JPEG")


@pytest.mark.parametrize("kind", KINDS)
def test_pictures(kind: str) -> None:
    @often(40)
    @given(damaged([encoded(kind)]), st.text(max_size=50))
    def check(content: bytes, name: str) -> None:
        try:
            found = received.read(content, name)
        except ValueError as error:
            in_a_sentence(error)
        else:
            assert found.image.mode == "RGB"
            assert found.image.width * found.image.height <= received.KEPT

    check()


SESSIONS = [tab.SESSION for tab in discovered()]
PARAMETERS = sorted({name for kind in SESSIONS for name in vars(kind())} | {"tab", "talk"})
KNOWN = ["signs", "streets", "standard", "spgd", "effect", "0", "16", "class 3", "remove 8", "scene 5", "none", "a"]


@often(40)
@given(
    st.sampled_from(SESSIONS),
    st.dictionaries(st.sampled_from(PARAMETERS), st.sampled_from(KNOWN) | st.text(max_size=20), max_size=6),
)
def test_addresses(kind: type[Session], query: dict[str, str]) -> None:
    session, sentence = service.opened({**query, "tab": kind.tab}, kind)
    assert session.data
    assert len(sentence) < 500
    again, told = service.opened(service.parameters(f"?{session.query()}"), kind)
    assert (again, told) == (session, "")


@often(60)
@given(st.text(max_size=80) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_queries(text: str) -> None:
    parameters = service.parameters(text)
    assert all(isinstance(value, str) for value in parameters.values())
    assert service.opened(parameters, service.CompareSession)[0].data or "tab" in parameters


@often(40)
@given(st.sampled_from(sorted(vars(service.CompareSession()).keys() - set(HIDDEN))), json_values)
def test_choices(name: str, value: Any) -> None:
    session = service.first(service.CompareSession)
    try:
        assert service.changed(session, name, value).data
    except ValueError as error:
        in_a_sentence(error)


@often(20)
@given(damaged([base64.b64encode(encoded("PNG")), encoded("PNG")]).map(lambda raw: raw.decode("latin-1")), json_values)
def test_endpoints(image: str, odd: Any) -> None:
    for ask in (lambda: predict(image), lambda: perturb(image), lambda: predict(odd), lambda: perturb(data=odd)):
        try:
            assert isinstance(ask(), dict)
        except ValueError as error:
            in_a_sentence(error)


@often(60)
@given(st.dictionaries(st.sampled_from(["ORIGINS", "FRAMES", "PROXIES", "RUN_SECONDS"]), st.text(max_size=20)))
def test_settings(given_values: dict[str, str]) -> None:
    try:
        read({f"PLAINSIGHT_{name}": value for name, value in given_values.items()})
    except ValueError as error:
        in_a_sentence(error)


PATHS = ("queue/join", "call/models", "call/v2/predict", "cancel", "reset", "queue/data", "heartbeat")


def test_requests() -> None:
    """Bodies of events and addresses, over HTTP: none makes a 500."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    page = start("127.0.0.1", port)
    names = st.sampled_from(["fn_index", "session_hash", "data", "event_data", "trigger_id", "x"])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

            @often(25)
            @given(st.sampled_from(PATHS), st.dictionaries(names, json_values, max_size=5), st.text(max_size=30))
            def check(path: str, body: dict[str, Any], text: str) -> None:
                raw = text.encode("utf-8", "surrogatepass")
                kind = {"content-type": "application/json"}
                for content in (json.dumps(body).encode(), raw):  # with NaN and infinity, which no client sends
                    answer = client.post(f"/gradio_api/{path}", content=content, headers=kind)
                    assert answer.status_code < 500, (path, content, answer.text)
                answer = client.get("/" + quote(raw))
                assert answer.status_code < 500, (text, answer.text)

            check()
    finally:
        page.close(verbose=False)
