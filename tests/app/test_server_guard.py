"""What stands in front of Gradio, over HTTP: sizes, closed addresses, other sites, passwords, errors in a sentence."""

import errno
import importlib.util
import logging
import pickle
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import pytest
import tiny
from gradio import http_server
from gradio.queueing import Queue

from app import memory, service
from app.__main__ import start
from app.guard import bodies, login, places
from app.guard.access import trusted
from app.settings import read

PATHS = re.compile(r"(?<![\w.])/(?:tmp|home|root|usr|work|srv)/[\w.-]+")
JOIN = "/gradio_api/queue/join"


@pytest.fixture(scope="module")
def pages_started() -> list[Any]:
    """The pages that have been started."""
    return []


@pytest.fixture(scope="module")
def serve(
    tiny_models: Path, pages_started: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., httpx.Client]]:
    """Starts the real app; its client."""
    pages, clients = pages_started, []
    with pytest.MonkeyPatch.context() as patch:
        tiny.surround(patch, tiny_models)
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))

        def served(**options: Any) -> httpx.Client:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            pages.append(start("127.0.0.1", port, **options))
            clients.append(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
            return clients[-1]

        yield served
        for client, page in zip(clients, pages, strict=True):
            client.close()
            page.close()


@pytest.fixture(scope="module")
def client(serve: Callable[..., httpx.Client]) -> httpx.Client:
    return serve()


@pytest.fixture(scope="module")
def served_page(client: httpx.Client, pages_started: list[Any]) -> Any:
    """The page that `client` talks to."""
    return pages_started[0]


def sentence(answer: httpx.Response, status: int) -> str:
    """What a refusal says: one sentence without a path of this machine, and the number by which the log knows it."""
    assert answer.status_code == status, answer.text[:300]
    found = answer.json()["error"]
    assert len(found) < 300
    assert not PATHS.search(found.replace("/gradio_api/info", ""))
    return str(found)


def in_parts(size: int) -> Iterator[bytes]:
    """A body whose length no header tells."""
    for _ in range(size // 50_000):
        yield bytes(50_000)


@pytest.mark.parametrize(
    ("path", "size", "most"),
    [(JOIN, 8_100_000, "8,000,000"), ("/login", 50_000, "10,000"), ("/elsewhere", 150_000, "100,000")],
)
@pytest.mark.parametrize("declared", [True, False])
def test_large_bodies_are_refused(client: httpx.Client, path: str, size: int, most: str, declared: bool) -> None:
    answer = client.post(path, content=bytes(size) if declared else in_parts(size))
    told = sentence(answer, 413)
    assert f"up to {most} are taken here" in told
    assert (f"{size:,} bytes" in told) == declared


def test_a_huge_body_does_not_stay_in_memory(client: httpx.Client) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    for path in (JOIN, "/pictures", "/gradio_api/upload"):
        with suppress(httpx.WriteError, httpx.ReadError):  # cut off while it was still sending
            assert client.post(path, content=in_parts(200_000_000)).status_code in (403, 410, 413)
    assert process.memory_info().rss - before < 60_000_000


def test_a_body_that_does_not_come_is_not_waited_for(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.3)
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=10) as slow:
        slow.sendall(f"POST {JOIN} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc".encode())
        assert slow.recv(1000).startswith(b"HTTP/1.1 408")


CLOSED = [
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/gradio_api/file/etc/passwd"),
    ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
    ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/process_recording"),
    ("GET", "/gradio_api/deep_link?session_hash=x"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/api/models"),
    ("GET", "/pwa_icon/30000"),
    ("GET", "/gradio_api/dev/reload"),
    ("GET", "/monitoring/summary"),
    ("GET", "/%0A"),
    ("GET", "/x%7F"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_what_the_app_does_not_need_is_closed(client: httpx.Client, method: str, path: str) -> None:
    assert sentence(client.request(method, path), 404) == "There is nothing at this address."


def test_nothing_can_be_uploaded(client: httpx.Client, serve: object) -> None:
    import os

    for path in ("/gradio_api/upload", "/gradio_api/upload/", "/gradio_api/upload?upload_id=x"):
        told = sentence(client.post(path, files={"files": ("x.html", b"<script>")}), 403)
        assert told.startswith("Files cannot be uploaded here")
    assert not [path for path in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*") if path.is_file()]


MALFORMED: list[tuple[str, dict[str, Any], int]] = [
    (JOIN, {"content": b"{bad"}, 422),
    (JOIN, {"json": {"fn_index": "x", "data": []}}, 422),
    ("/login", {"content": b"x"}, 422),
    ("/gradio_api/call/nosuch", {"json": {"data": []}}, 404),
    ("/gradio_api/call/v2/nosuch", {"json": {}}, 400),
    ("/gradio_api/call/v2/models", {"json": {"x": 1}}, 400),
    ("/assets/" + "x" * 400, {"method": "GET"}, 404),
    ("/" + "x" * 3000, {"method": "GET"}, 414),
    ("/?" + "x=y&" * 5000, {"method": "GET"}, 414),
]


@pytest.mark.parametrize(("path", "given", "status"), MALFORMED)
def test_bad_requests_get_a_sentence_and_one_line_in_the_log(
    client: httpx.Client,
    path: str,
    given: dict[str, Any],
    status: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    method = {"method": "POST", **given}
    answer = client.request(url=path, **method)
    sentence(answer, status)
    (line,) = [each.getMessage() for each in caplog.records if each.name == "plainsight.requests"]
    assert len(line) < 250
    assert re.match(rf"[0-9a-f]{{8}} {status} {method['method']} /", line)
    assert "127.0.0.1" not in line
    assert not capfd.readouterr().err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"fn_index": 99_999, "session_hash": "x", "data": []}, "There is no such event here"),
        ({"fn_index": -1, "session_hash": "x", "data": []}, "There is no such event here"),
        ({"fn_index": 1, "session_hash": "", "data": []}, "A session_hash has 1 to 64 characters"),
        ({"fn_index": 1, "session_hash": "x" * 65, "data": []}, "A session_hash has 1 to 64 characters"),
        ({"fn_index": -99, "session_hash": "x", "data": [1]}, "values, and 1 were given"),
        ({"fn_index": 1, "data": []}, "Session hash not found"),
    ],
)
def test_events_that_no_page_sends_are_refused(
    client: httpx.Client, served_page: Any, body: dict[str, Any], told: str
) -> None:
    if body["fn_index"] == -99:
        body = {**body, "fn_index": next(number for number, fn in served_page.fns.items() if len(fn.inputs) > 2)}
    answer = client.post(JOIN, json=body)
    assert (answer.status_code, told in answer.json()["detail"]) == (400, True), answer.text


def test_what_goes_wrong_here_is_told_by_a_number(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: object) -> None:
        raise KeyError("/srv/secret")

    monkeypatch.setattr(service, "health", broken)
    told = sentence(client.get("/healthz"), 500)
    (line,) = [each.getMessage() for each in caplog.records if each.name == "plainsight.requests"]
    assert line.split()[0] in told
    assert "KeyError at test_server_guard.py" in line
    assert "secret" not in line + told


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), KeyError("x"), RuntimeError("/srv/secret")])
def test_an_event_that_fails_says_so_in_the_page(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from app.tabs import events

    def broken() -> dict[Any, Any]:
        raise error

    said: list[str] = []
    monkeypatch.setattr(events.gr, "Warning", lambda words, title: said.append(words))

    class View:
        status = "status"

    shown = events.guarded(View(), broken)  # type: ignore[arg-type]
    assert "secret" not in str(shown)
    assert said
    assert said[0].partition("&")[0] in shown["status"]
    assert "Traceback" not in capfd.readouterr().err


OTHER = {"origin": "https://elsewhere.example"}


def test_other_sites_neither_ask_nor_read(client: httpx.Client) -> None:
    host = {"host": "plainsight.example"}
    for headers in (OTHER, OTHER | host, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        told = sentence(client.post(JOIN, json={}, headers=headers), 403)
        assert "PLAINSIGHT_ORIGINS" in told
        asked = {**headers, "access-control-request-method": "POST"}
        assert client.options(JOIN, headers=asked).status_code == 403 or "origin" not in headers
        answer = client.get("/config", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-allow")]
    own = {"origin": "https://plainsight.example"} | host
    for headers in (own, {"sec-fetch-site": "same-origin", **OTHER}, {}):
        assert client.post(JOIN, json={"fn_index": 1, "data": []}, headers=headers).status_code == 400


def test_sites_that_are_listed_may_ask_and_frame(
    serve: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAINSIGHT_ORIGINS", "https://elsewhere.example")
    monkeypatch.setenv("PLAINSIGHT_FRAMES", "https://elsewhere.example")
    client = serve()
    answer = client.post(JOIN, json={"fn_index": 1, "data": []}, headers=OTHER | {"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (400, OTHER["origin"])
    third = client.get("/config", headers={"origin": "https://third.example"})
    assert "access-control-allow-origin" not in third.headers
    policy = client.get("/").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://elsewhere.example")


def test_every_answer_has_the_headers_and_no_path_of_this_machine(client: httpx.Client) -> None:
    for path in ("/", "/config", "/healthz", "/nothing", "/gradio_api/info", "/plotly.min.js"):
        answer = client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors *" in answer.headers["content-security-policy"]
        if path != "/plotly.min.js":
            assert not PATHS.findall(answer.text), path
    assert (
        client.get("/plotly.min.js").headers["content-type"].startswith(("text/javascript", "application/javascript"))
    )


def test_guessing_a_password_is_slowed(
    serve: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    monkeypatch.setattr(login.Logins.__init__, "__defaults__", (lambda: now[0],))
    client = serve(auth=("name", "right"))
    base = str(client.base_url)

    def guess(password: str) -> httpx.Response:
        return httpx.post(f"{base}/login", data={"username": "name", "password": password}, timeout=30)

    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(lambda number: guess(f"wrong{number}").status_code, range(40)))
    assert found.count(400) <= login.FREE
    late = guess("right")
    assert int(late.headers["retry-after"]) >= 1
    assert re.match(r"Too many wrong passwords came from here; try again in \d+ seconds\.", sentence(late, 429))
    assert "wrong1" not in caplog.text
    now[0] += int(late.headers["retry-after"]) + 0.5
    answer = guess("right")
    assert answer.status_code == 200
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in cookie and cookie.endswith("SameSite=Lax") for cookie in cookies)
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert client.get("/config").status_code == 401


def test_only_a_proxy_that_is_named_tells_where_visitors_are() -> None:
    local = read({})
    assert trusted("127.0.0.1", local.proxies)
    assert not trusted("192.0.2.7", local.proxies)
    assert not trusted("testclient", local.proxies)
    assert trusted("10.1.2.3", read({"PLAINSIGHT_PROXIES": "10.0.0.0/8, 192.0.2.1"}).proxies)
    assert trusted("192.0.2.7", read({"SPACE_ID": "owner/name"}).proxies)


def test_headers_of_strangers_do_not_change_the_page(
    serve: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.9"}
    monkeypatch.setenv("PLAINSIGHT_PROXIES", "192.0.2.1")
    assert "evil.example" not in serve().get("/", headers=forged).text


def test_waits_grow_and_are_forgotten() -> None:
    now = 0.0
    door = login.Logins(None, lambda: now)  # type: ignore[arg-type]
    waits = []
    for _ in range(20):
        guesses = door._of("192.0.2.7")
        door._wrong(guesses)
        waits.append(max(0.0, guesses.until - now))
        now = max(now, guesses.until)
    assert waits[: login.FREE - 1] == [0.0] * (login.FREE - 1)
    assert waits[login.FREE - 1 :] == sorted(waits[login.FREE - 1 :])
    assert waits[-1] == login.LONGEST
    now += 2 * login.LONGEST + 1
    assert door._of("192.0.2.7").wrong == 0
    for number in range(login.KEPT + 5):
        door._of(str(number))
    assert len(door.known) == login.KEPT


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PLAINSIGHT_ORIGINS", "example.org", "takes sites like https://example.org, and 'example.org' was given"),
        ("PLAINSIGHT_FRAMES", "https://a.example/x", "takes sites like"),
        ("PLAINSIGHT_PROXIES", "10.0.0.0/99", "takes addresses or networks like 10.0.0.0/8, and '10.0.0.0/99'"),
        ("PLAINSIGHT_METRICS", "here", "takes addresses or networks like 10.0.0.0/8, and 'here' was given"),
        ("PLAINSIGHT_RUN_SECONDS", "1", "a whole number from 10 to 86,400, and '1' was given"),
        ("PLAINSIGHT_RUNS_PER_ADDRESS", "many", "a whole number from 1 to 32, and 'many' was given"),
    ],
)
def test_settings_that_fit_nothing_are_named(name: str, value: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} ") as error:
        read({name: value})
    assert told in str(error.value)


def test_figures_need_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"^PLAINSIGHT_METRICS needs a package: pip install 'plainsight\[metrics\]'"):
        read({"PLAINSIGHT_METRICS": "127.0.0.1"})


def test_runs_of_one_client_do_not_shut_out_the_pages_of_others(
    client: httpx.Client, served_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heavy = [number for number, fn in served_page.fns.items() if fn.concurrency_id == places.HEAVY]
    light = next(number for number, fn in served_page.fns.items() if fn.concurrency_limit == 8 and not fn.inputs)
    monkeypatch.setitem(places.EACH, "run", 4)
    queue = served_page._queue

    def ask(number: int, name: str) -> httpx.Response:
        values = [None] * len(served_page.fns[number].inputs)
        return client.post(JOIN, json={"fn_index": number, "session_hash": name, "data": values})

    assert ask(heavy[0], "first").status_code == 200
    while len(queue) or any(queue.active_jobs):
        time.sleep(0.01)
    queue.event_queue_per_concurrency_id[places.HEAVY].current_concurrency = 1  # as while a run is under way
    try:
        statuses = [ask(heavy[number % len(heavy)], f"run{number}").status_code for number in range(12)]
        assert statuses == [200] * 4 + [503] * 8
        monkeypatch.setitem(places.PLACES, "run", 4)
        assert "try again in a minute" in ask(heavy[0], "one-more").json()["detail"]
        assert ask(light, "other").status_code == 200
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": "other"}) as stream:
            assert any("process_completed" in line and '"success":true' in line for line in stream.iter_lines())
    finally:
        queue.event_queue_per_concurrency_id[places.HEAVY].current_concurrency = 0


def test_the_health_check_fails_without_models(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    healthy = client.get("/healthz")
    assert (healthy.status_code, healthy.json()["models"]) == (200, 6)
    assert healthy.json()["runs"] == {"running": 0, "waiting": 0}
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path))
    service.api.catalogue.caches.clear()
    missing = client.get("/healthz")
    assert (missing.status_code, missing.json()["status"]) == (503, "no models")
    service.api.catalogue.caches.clear()


def test_every_route_is_there_before_the_port_is_open(
    serve: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[httpx.Response] = []
    opened = http_server.start_server

    def start_server(**options: Any) -> Any:
        found = opened(**options)
        paths = ("/healthz", "/preview.png", "/plotly.min.js", "/?talk=1")
        seen.extend(httpx.get(f"http://127.0.0.1:{options['server_port']}{path}", timeout=30) for path in paths)
        return found

    monkeypatch.setattr(http_server, "start_server", start_server)
    serve()
    assert [answer.status_code for answer in seen] == [200] * 4, "Gradio goes on with its own start after that"
    assert "<title>PlainSight: the talk</title>" in seen[3].text


def test_what_pages_show_is_not_kept(client: httpx.Client, served_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Queue, "_get_df", lambda records: pytest.fail("statistics of all events were made"))
    load = next(number for number, fn in served_page.fns.items() if any(event == "load" for _, event in fn.targets))
    for name in ("one", "two"):
        body = {"fn_index": load, "session_hash": name, "data": []}
        assert client.post(JOIN, json=body).status_code == 200
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": name}) as stream:
            answer = next(line for line in stream.iter_lines() if "process_completed" in line)
        assert len(answer) > 20_000
        kept = served_page.state_holder.session_data[name]
        assert len(pickle.dumps([*kept.components, kept.state_data])) < 20_000
        assert any(value.data == "signs" for value in kept.state_data.values()), "the choices are kept"
    assert len(served_page._queue.event_analytics) == 1


def test_free_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, trimmed = iter([None, None]), []
    monkeypatch.setattr(memory.time, "sleep", lambda seconds: next(waits))
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace(malloc_trim=trimmed.append))
    with pytest.raises(StopIteration):
        memory.give_back()
    assert trimmed == [0, 0]
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(
        memory.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=lambda *values: told.append(values))
    )
    memory.begin()  # its thread ends at once: there is no malloc_trim
    assert told == [(-8, 2)]
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.give_back()  # another C library has no such function


def figures(client: httpx.Client, **options: Any) -> dict[str, float]:
    """The values at /metrics."""
    lines = client.get("/metrics", **options).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_figures_for_prometheus_are_off_until_somebody_is_admitted(
    client: httpx.Client, serve: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/metrics").status_code == 404
    monkeypatch.setenv("PLAINSIGHT_METRICS", "127.0.0.0/8")
    own = serve()
    refused = own.get("/metrics", headers={"x-forwarded-for": "192.0.2.7"})
    assert (refused.status_code, refused.json()["error"][:14]) == (403, "Only addresses")
    before = figures(own)
    assert before["plainsight_models"] == 6
    assert before["plainsight_view_seconds_count"] == 0
    assert before["process_resident_memory_bytes"] > 1e8
    states = {f'plainsight_runs{{state="{state}"}}' for state in ("running", "waiting")}
    ever = {
        f'plainsight_runs_total{{what="{what}"}}' for what in ("asked", "refused", "started", "finished", "cancelled")
    }
    assert {name for name in before if name.startswith("plainsight_runs")} == states | ever
    made = own.post("/gradio_api/call/models", json={"data": []}).json()["event_id"]
    assert "event: complete" in own.get(f"/gradio_api/call/models/{made}").text
    key = {"x-plainsight-album": service.albums.open("somebody").key}
    assert own.post("/pictures", content=b"no picture", headers=key).status_code == 200, "what is wrong is said later"
    after = figures(own)
    assert (after["plainsight_view_seconds_count"], after["plainsight_uploads_total"]) == (1, 1)


def test_the_log_of_a_refusal_names_nobody(caplog: pytest.LogCaptureFixture, client: httpx.Client) -> None:
    caplog.set_level(logging.DEBUG, "plainsight")
    client.get("/gradio_api/file=/secret?name=Ada", headers={"x-forwarded-for": "192.0.2.77"})
    (line,) = [each.getMessage() for each in caplog.records if each.name == "plainsight.requests"]
    assert "Ada" not in line
    assert "192.0.2.77" not in line
