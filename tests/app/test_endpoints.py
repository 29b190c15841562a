"""The real app over HTTP: what no picker can send is refused in a sentence, and visitors come and go."""

import io
import json
import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import tiny
from PIL import Image

from app import service
from app.__main__ import start
from app.page import discovered
from app.service import runs
from app.session import Session

NAN = float("nan")
ADDRESS = "?data=signs&a=standard&b=shared-s64-e16-w0.5&attack=spgd&epsilon=8&steps=200&images=64&amplify=1"
SCENES = "?tab=segmentation&data=streets"


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tiny_models: Path) -> Iterator[str]:
    """Where the app listens."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.surround(patch, tiny_models)
        port = free_port()
        page = start("127.0.0.1", port)
        yield f"http://127.0.0.1:{port}"
        page.close()


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=30) as found:
        yield found


@pytest.fixture(scope="module")
def config(client: httpx.Client) -> dict[str, Any]:
    return client.get("/config").json()


class Visitor:
    """A page without a browser: events go in, and their answers come over a stream that is open while one waits."""

    def __init__(self, client: httpx.Client, config: dict[str, Any]) -> None:
        self.client, self.config = client, config
        self.session_hash = secrets.token_hex(8)
        self.stream: httpx.Response | None = None

    def event(self, **props: Any) -> dict[str, Any]:
        """The first event of the first component with these properties."""
        fits = (part["id"] for part in self.config["components"] if {**part["props"], **props} == part["props"])
        component = next(fits)
        return next(one for one in self.config["dependencies"] if component in [to[0] for to in one["targets"]])

    def send(self, event: dict[str, Any], *values: Any, pressed: Any = None) -> None:
        """State comes from the server whatever is sent in its place, so nothing is."""
        body = {"fn_index": event["id"], "session_hash": self.session_hash, "data": [None, *values]}
        body["event_data"] = None if pressed is None else {"index": 0, "value": pressed}
        kind = {"content-type": "application/json"}
        self.client.post("/gradio_api/queue/join", content=json.dumps(body), headers=kind).raise_for_status()
        if self.stream is None:
            query = {"session_hash": self.session_hash}
            request = self.client.build_request("GET", "/gradio_api/queue/data", params=query)
            self.stream = self.client.send(request, stream=True)
            self.lines = self.stream.iter_lines()

    def told(self, words: str = "process_completed") -> str:
        """What comes until a message with these words, that one included."""
        assert self.stream is not None
        found = ""
        for line in self.lines:
            found += line
            if words in line:
                if words == "process_completed":
                    self.leave()
                return found
        raise AssertionError(f"The stream ended without {words!r}: {found[-500:]}")

    def ask(self, event: dict[str, Any], *values: Any, pressed: Any = None) -> str:
        self.send(event, *values, pressed=pressed)
        return json.dumps(self.told(), ensure_ascii=False).encode().decode("unicode_escape", "replace")

    def leave(self) -> None:
        if self.stream is not None:
            self.stream.close()
            self.stream = None


@pytest.fixture
def visitor(client: httpx.Client, config: dict[str, Any]) -> Iterator[Visitor]:
    found = Visitor(client, config)
    yield found
    found.leave()


REFUSED = [  # control (of the strength the id), what is sent, what the answer says
    ("strengths", NAN, "an even number from 2 to 32 in units of 1/255, and nan was given"),
    ("strengths", 3, "and 3 was given"),
    ("strengths", 16.5, "and 16.5 was given"),
    ("Seed", True, "and True was given"),
    ("Images the attacker trains on", None, "images is one of 64, 128, 256, 512, 1024, 2048, and None was given"),
    ("Images the attacker trains on", 10**9, "and 1000000000 was given"),
    ("Steps", -1, "steps is one of 10, 20, 40, 60, 100, 200, and -1 was given"),
    ("Seed", float("inf"), "seed is a whole number from 0 to 9999, and inf was given"),
    ("Images", ["signs"], "the data set is one of"),
    ("Attack", "x" * 5000, "attack is one of spgd"),
    ("Target", 999, "and 999 was given"),
    ("B ▲ Model", "../../etc", "model B is one of standard, shared-s64-e16-w0.5"),
    ("How strongly the patterns are drawn", 1000, "amplify is one of 0, 1, and 1000 was given"),
    ("Which images the strip shows", "none", "which is one of all, fooled"),
    ("Which pattern is added to the images", "c", "added is one of clean, a, b"),
    ("What the attacked maps show", None, "show is one of labels, flips"),
    ("Which model the settings below choose", "data", "side is one of a, b"),
    ("Weight of attacks σ", NAN, "sigma has steps from 0 to 1, and nan was given"),
    ("Training ε", float("inf"), "epsilon has steps from 0 to 1, and inf was given"),
    ("Kind of training", ["heap 64"], "kind is one of standard, heap 64"),
]


@pytest.mark.parametrize(("label", "value", "words"), REFUSED, ids=lambda value: str(value)[:24])
def test_what_the_pickers_cannot_send_is_refused(visitor: Visitor, label: str, value: Any, words: str) -> None:
    event = visitor.event(elem_id=label) if label == "strengths" else visitor.event(label=label)
    answer = visitor.ask(event, value, ADDRESS)
    assert '"success":true' in answer.replace("\\", "").replace(": ", ":")
    assert words in answer
    assert "That did not work" in answer


@pytest.mark.parametrize("value", [999_999, "999999", "road", [1], {"x": 1}, NAN], ids=str)
def test_a_class_that_there_is_not_is_refused(visitor: Visitor, value: Any) -> None:
    answer = visitor.ask(visitor.event(elem_classes=["legendbox"]), SCENES, pressed=value)
    assert "only is one of none, 0, 1, 2" in answer


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([["signs"]], "data set"),
        ([None], "data set"),
        ([{"a": 1}], "data set"),
        (["signs", ["standard"]], "model A"),
        (["signs", "", "", ["spgd"]], "attack"),
        (["signs", "", "", "spgd", ["stop"]], "target"),
        *((["signs", "", "", "spgd", "", epsilon], "epsilon") for epsilon in (NAN, 3, 16.5, None, -8, [8], 1e300)),
    ],
    ids=str,
)
def test_the_published_endpoint_says_what_is_odd(client: httpx.Client, given: list[Any], words: str) -> None:
    usual = ["signs", "", "", "spgd", "", 16]
    body = json.dumps({"data": [*given, *usual[len(given) :]]})
    made = client.post("/gradio_api/call/compare", content=body, headers={"content-type": "application/json"})
    answer = client.get(f"/gradio_api/call/compare/{made.json()['event_id']}").text
    assert "event: error" in answer
    sentence = json.loads(answer.partition("data: ")[2])["error"]
    assert sentence.startswith(f"Nothing is known here for the given {words}; models are cifar10/standard, ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("epsilon", value) for value in ("nan", "inf", "16.5", "3", "-8", "1e1", "", " 8")),
        *(("seed", value) for value in ("1e999", "10000", "-1", "0x1")),
        *(("images", value) for value in ("0", "null", "65")),
        ("steps", "-1"),
        *((name, "9" * 100_000) for name in ("sheet", "attack", "a", "target")),
        ("amplify", "[1]"),
    ],
    ids=lambda value: value[:12],
)
def test_an_odd_address_gets_the_usual_view_and_a_sentence(session: Session, name: str, value: str) -> None:
    found, complaint = service.opened({"data": "signs", name: value}, service.CompareSession)
    assert found == replace(session, target=None, equal="strength" if name == "epsilon" else "effect")
    assert complaint.startswith("The address gives ")
    assert len(complaint) < 100


@pytest.mark.parametrize(
    ("kind", "data", "name", "value"),
    [
        (service.SegmentationSession, "streets", "scene", "9" * 100_000),
        (service.SegmentationSession, "streets", "only", "9" * 100_000),
        (service.TradeoffSession, "signs", "side", "c"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_an_odd_value_of_a_field_that_a_tab_adds_gets_a_sentence(
    kind: type[Session], data: str, name: str, value: str
) -> None:
    query = {"tab": kind.tab, "data": data}
    found, complaint = service.opened(query | {name: value}, kind)
    assert found == service.opened(query, kind)[0]
    assert complaint.startswith(f"The address gives {name} a value unknown here")
    assert len(complaint) < 100


@pytest.mark.parametrize("kind", [tab.SESSION for tab in discovered()], ids=lambda kind: kind.tab)
def test_an_address_says_all_that_was_taken_from_another(kind: type[Session]) -> None:
    asked = {"tab": kind.tab, "target": "0", "epsilon": "8", "steps": "20", "seed": "3", "wrong": "75"}
    found, _ = service.opened(asked, kind)  # no target of scenes is named so
    assert service.opened(service.parameters(found.query()), kind) == (found, "")


def test_a_page_that_was_forgotten_comes_back_from_its_address(visitor: Visitor) -> None:
    """No page was opened under this session hash: the server knows as much of it as of one that it has evicted."""
    answer = visitor.ask(visitor.event(elem_id="strengths"), 10, ADDRESS)
    assert "epsilon=10&steps=200&images=64&seed=0&amplify=1" in answer
    assert "That did not work" not in answer
    picked = Visitor(visitor.client, visitor.config).ask(visitor.event(label="Steps"), 20, ADDRESS)
    assert "epsilon=8&steps=20&images=64" in picked


def test_a_forgotten_trade_off_leads_on_to_compare(visitor: Visitor) -> None:
    answer = visitor.ask(visitor.event(elem_id="onward"), "?tab=tradeoff&data=signs&a=standard&b=standard")
    assert "That did not work" not in answer
    assert "data=signs&a=standard&b=standard&attack=spgd" in answer


def turned(config: dict[str, Any]) -> dict[str, Any]:
    """The event that comes when a person turns to a tab, or presses Back."""
    parts = config["components"]
    component = next(part["id"] for part in parts if "popstate" in str(part["props"].get("js_on_load")))
    return next(one for one in config["dependencies"] if component in [to[0] for to in one["targets"]])


def forgotten(first: str = "") -> list[Any]:
    """The values of that event from a page whose sessions are forgotten: the last are its tabs' addresses."""
    tabs = len(discovered())
    return [*[None] * (tabs - 1), first, *[""] * (tabs - 1)]  # the first session comes from elsewhere


def test_a_tab_that_was_forgotten_comes_back_as_its_own_address_says(visitor: Visitor) -> None:
    answer = visitor.ask(turned(visitor.config), *forgotten(ADDRESS.removeprefix("?")), pressed="Compare")
    assert "&attack=spgd&equal=strength&wrong=50&epsilon=8&steps=200&images=64" in answer
    usual = visitor.ask(turned(visitor.config), *forgotten(), pressed="Trade-off")
    assert "tab=tradeoff&data=signs" in usual


def test_back_opens_what_the_address_says(visitor: Visitor) -> None:
    before = "?tab=tradeoff&data=signs&a=standard&b=standard&side=a"
    assert before.removeprefix("?") in visitor.ask(turned(visitor.config), *forgotten(), pressed=before)
    assert "data=signs&a=standard&b=shared-s64-e16-w0.5&attack=spgd" in visitor.ask(
        turned(visitor.config), *forgotten(), pressed="?"
    )


def test_a_link_is_described_in_our_own_words(client: httpx.Client, server: str) -> None:
    page = client.get("/?data=signs").text
    told = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):\w+)" content="([^"]*)">', page))
    assert len(re.findall("og:title", page)) == 1
    assert "radio" not in " ".join(told.values())
    assert told["og:title"].startswith("PlainSight")
    assert told["og:image"] == told["twitter:image"] == f"{server}/preview.png"
    picture, icon = (Image.open(io.BytesIO(client.get(path).content)) for path in ("/preview.png", "/favicon.ico"))
    assert (picture.size, icon.size) == ((1200, 630), (64, 64))
    behind = {"host": "plain.example", "x-forwarded-proto": "https", "x-forwarded-host": "plain.example"}
    assert '"https://plain.example/preview.png"' in client.get("/", headers=behind).text


def test_views_at_all_stored_strengths_are_made_for_the_page_at_equal_strength(visitor: Visitor) -> None:
    views = next(part["id"] for part in visitor.config["components"] if part["props"].get("elem_id") == "strengths")
    asked = next(one for one in visitor.config["dependencies"] if [views, "input"] in [*map(list, one["targets"])])
    assert '"data":[""]' in visitor.ask(asked).replace(": ", ":"), "no page was opened"
    visitor.ask(visitor.event(elem_id="strengths"), 10, ADDRESS)
    found = re.findall(r"reads .{0,400}?at (\d+)/255", visitor.ask(asked))
    assert {"8", "16"} < set(found)
    assert found == sorted(2 * [*set(found)], key=int), "each strength once for each model"


def test_two_choices_at_the_same_moment_are_both_kept(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.ask(visitor.event(label="Steps"), 20, ADDRESS)
    real = service.changed

    def slowly(session: Session, name: str, value: Any) -> Session:
        time.sleep(1.0)  # the other event reads the session meanwhile
        return real(session, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(service, "changed", slowly)
        visitor.send(visitor.event(elem_id="strengths"), 10, ADDRESS)
        visitor.send(visitor.event(label="Which pattern is added to the images"), "b", ADDRESS)
        for _ in range(2):
            visitor.told('"msg":"process_completed"')
        visitor.leave()
    answer = visitor.ask(visitor.event(label="Seed"), 3, ADDRESS)
    assert "epsilon=10&steps=20&images=64&seed=3&amplify=1&added=b" in answer


@pytest.mark.parametrize("address", ["", "?data=nothing&epsilon=nan", "?" + "&".join(["x=1"] * 5000), None, 7], ids=str)
def test_a_forgotten_page_with_an_odd_address_gets_the_usual_view(visitor: Visitor, address: Any) -> None:
    answer = visitor.ask(visitor.event(label="Steps"), 20, address)
    assert "data=signs" in answer
    assert "steps=20" in answer


def begin(visitor: Visitor) -> str:
    """Press Run; where it was let into the line, wait for its turn."""
    pressed = visitor.event(elem_id="compare-run")
    answer = visitor.ask(pressed, ADDRESS)
    heavy, line = (one for one in visitor.config["dependencies"] if one["trigger_after"] == pressed["id"])
    visitor.send(heavy, ADDRESS)
    visitor.send(line)
    return answer


def until(client: httpx.Client, **runs: int) -> None:
    """Wait until so many runs of visitors who are there are under way and wait."""
    for _ in range(200):
        if client.get("/healthz").json()["runs"] == runs:
            return
        time.sleep(0.1)
    pytest.fail(f"{client.get('/healthz').json()['runs']} in place of {runs}")


def test_who_closes_the_tab_leaves_the_line_and_ends_the_run(
    client: httpx.Client, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.long_runs_last(monkeypatch)
    monkeypatch.setattr(runs, "MANY", 2)
    monkeypatch.setattr(runs, "GRACE", 1.0)
    runner, one, two, late = (Visitor(client, config) for _ in range(4))
    assert "Waiting for its turn." in begin(runner)
    runner.told("Step 1 of 200")
    assert "Waiting for its turn: 1 run comes first, about " in begin(one)
    assert "Waiting for its turn: 2 runs come first, about " in begin(two)
    assert "2 runs are waiting for their turn already" in begin(late)
    late.leave()
    one.leave()
    moved = two.told("Waiting for its turn: 1 run comes first, about ").rpartition("process_generating")[2]
    assert 'aria-live=\\"polite\\"' in moved, "the line has moved, which is read out"
    two.leave()
    until(client, running=1, waiting=0)
    late = Visitor(client, config)  # the stream of the one that left may still hold what nobody read
    assert "Waiting for its turn: 1 run comes first, about " in begin(late)
    runner.leave()
    left = time.monotonic()
    late.told("Step 1 of 200")
    assert time.monotonic() - left < 5  # the run that was left would have taken far longer
    late.leave()
    until(client, running=0, waiting=0)  # a process must not end while a run computes


def test_health_names_the_folders_that_are_left_out(client: httpx.Client, models: Path) -> None:
    healthy = client.get("/healthz").json()
    assert (healthy["status"], healthy["unreadable"]) == ("ok", [])
    folder = models / "checkpoints" / "signs" / "odd"
    folder.mkdir()
    (folder / "config.json").write_text("{")
    try:
        found = client.get("/healthz").json()
    finally:
        (folder / "config.json").unlink()
        folder.rmdir()
    assert found["status"] == "ok"
    assert [one.partition(": ")[0] for one in found["unreadable"]] == ["signs/odd"]


@pytest.mark.parametrize("host", ["::1", "::"])
def test_the_app_listens_on_ipv6(host: str) -> None:
    try:
        port = free_port("::1")
    except OSError:
        pytest.skip("This machine has no IPv6.")
    page = start(host, port)
    try:
        assert httpx.get(f"http://[::1]:{port}/healthz", timeout=30).json()["status"] == "ok"
    finally:
        page.close()
