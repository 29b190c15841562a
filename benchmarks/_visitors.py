"""People in front of the app, for benchmarks/load.py: by HTTP as a page asks, without drawing anything; and real pages.

Each HTTP visitor has a network address of its own (`X-Forwarded-For`, which the app believes from this machine).
"""

import asyncio
import base64
import io
import json
import random
import re
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from PIL import Image

API = "/gradio_api"
FULL = re.compile(r"(are waiting already|waiting for their turn already); try again in a minute")
"""The sentences that say clearly that there is no place."""
AMISS = "That did not work"
STRENGTHS = (6, 8, 10, 12, 14)
ADDRESS = "?data=signs&a=standard&attack=spgd&epsilon=8&steps=10&images=64"
TABS = ("Perceptibility", "Segmentation", "Trade-off", "Your pictures", "Can you see it?")
SLOW = 120.0
"""Seconds after which an answer counts as one that does not come."""
KEPT = 3.0
"""Seconds that an idle connection is used again. The server closes it after 5; a browser asks anew if both coincide."""
PATIENCE = 40.0
"""Seconds that a visitor watches or waits for a run before going on."""


def picture() -> bytes:
    """A small PNG, as a visitor might send."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((120, 90)).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = picture()


class Record:
    """What all visitors found: how long light views took, what went wrong, and what there was no place for."""

    def __init__(self) -> None:
        self.running = False
        """Whether a run was under way when the server was last asked."""
        self.light: dict[bool, list[float]] = {True: [], False: []}
        self.kinds: defaultdict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def took(self, kind: str, seconds: float) -> None:
        self.light[self.running].append(seconds)
        self.kinds[kind].append(seconds)

    def wrong(self, sentence: str) -> None:
        """Count an error, or the clear sentence that there is no place."""
        if FULL.search(sentence):
            self.counts["queue is full"] += 1
        else:
            self.errors[sentence[:200]] += 1


class Refused(Exception):
    """The server did not take an event; the record has the reason."""


class Visitor:
    """One page: events go in, and answers come over a stream that is open while one is waited for."""

    def __init__(self, base: str, number: int, record: Record, config: dict[str, Any]) -> None:
        address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        kept = httpx.Limits(keepalive_expiry=KEPT)
        self.client = httpx.AsyncClient(base_url=base, timeout=SLOW, headers={"x-forwarded-for": address}, limits=kept)
        self.record, self.config, self.choose = record, config, random.Random(number)
        self.name = secrets.token_hex(6)
        self.waiting: dict[str, asyncio.Queue[bytes]] = {}
        self.early: dict[str, asyncio.Queue[bytes]] = {}
        """What came for events before their own answer, which tells their id, and for those that nobody awaits."""
        self.tasks: set[asyncio.Task[None]] = set()
        self.stream: asyncio.Task[None] | None = None
        self.pictures: asyncio.Queue[bytes] = asyncio.Queue()
        """What comes of the visitor's runs."""
        self.album = ""

    def event(self, what: str, kind: str) -> int:
        """The number of the first event of a component, named by its id or label."""
        parts = [part["id"] for part in self.config["components"] if _names(part, what)]
        fits = (one for one in self.config["dependencies"] if any([part, kind] in one["targets"] for part in parts))
        return int(next(fits)["id"])

    def after(self, event: int) -> list[int]:
        """The events that follow an event."""
        return [int(one["id"]) for one in self.config["dependencies"] if one["trigger_after"] == event]

    async def join(self, event: int, *values: Any, pressed: Any = None, query: str = "") -> str:
        """Send an event from a page with this query; the id under which its answers come. Raises Refused."""
        body = {"fn_index": event, "session_hash": self.name, "data": list(values)}
        body["event_data"] = None if pressed is None else {"index": 0, "value": pressed}
        answer = await self.client.post(f"{API}/queue/join{query}", json=body)
        if answer.status_code != 200:
            self.record.wrong(f"{answer.status_code} {answer.text}")
            raise Refused
        identity = str(answer.json()["event_id"])
        self.waiting[identity] = self.early.pop(identity, asyncio.Queue())
        if self.stream is None or self.stream.done():
            self.stream = asyncio.create_task(self._read())
        return identity

    async def _read(self) -> None:
        """Hand every message to whoever waits for it, until nobody does."""
        while self.waiting:  # an event may come in just when the server ends the stream
            await self._stream()
            await asyncio.sleep(0.05)

    async def _stream(self) -> None:
        rest = b""
        async with self.client.stream("GET", f"{API}/queue/data", params={"session_hash": self.name}) as stream:
            if stream.status_code != 200:
                self.record.wrong(f"{stream.status_code} for a stream of answers")
            async for part in stream.aiter_raw():
                *whole, rest = (rest + part).split(b"\n\n")
                for message in whole:
                    if b'"msg":"close_stream"' in message[:80]:
                        return
                    if b'"msg":"unexpected_error"' in message[:80]:
                        self.record.wrong(message.decode("utf-8", "replace"))
                    if found := re.search(rb'"event_id":"(\w+)"', message):
                        self._hand(found[1].decode(), message)

    def _hand(self, identity: str, message: bytes) -> None:
        queue = self.waiting.get(identity)
        if queue is None:
            queue = self.early.setdefault(identity, asyncio.Queue())
        queue.put_nowait(message)
        if queue is self.pictures and b'"msg":"process_completed"' in message[:80]:
            del self.waiting[identity]

    async def messages(self, identity: str) -> AsyncIterator[bytes]:
        """Every message of an event, the one that completes it included."""
        try:
            while True:
                message = await asyncio.wait_for(self.waiting[identity].get(), SLOW)
                yield message
                if b'"msg":"process_completed"' in message[:80]:
                    return
        finally:
            del self.waiting[identity]

    async def done(self, identity: str) -> bytes:
        """The message that completes an event; what is wrong with it is recorded."""
        messages = [message async for message in self.messages(identity)]
        for message in messages:
            if AMISS.encode() in message:
                found = re.search(rb'"log":"(.*?)","', message)
                self.record.wrong(found[1].decode() if found else AMISS)
        if b'"success":true' not in messages[-1]:
            self.record.wrong(messages[-1][-300:].decode("utf-8", "replace"))
        return messages[-1]

    async def light(self, kind: str, event: int, *values: Any, pressed: Any = None, query: str = "") -> bytes:
        """An event that is answered at once; how long that took is recorded."""
        began = time.perf_counter()
        try:
            answer = await self.done(await self.join(event, *values, pressed=pressed, query=query))
        except Refused:
            return b""
        except TimeoutError:
            stream = self.stream and self.stream.done() and (self.stream.exception() or "at its end")
            self.record.wrong(f"no answer to {kind} within {SLOW:.0f} s; the stream is {stream or 'open'}")
            raise Left from None
        self.record.took(kind, time.perf_counter() - began)
        return answer

    # ------------------------------------------------------------------------------------------- what people do

    async def arrive(self) -> None:
        """Open the page, as a browser does, and stay."""
        for path in ("/", "/config"):
            answer = await self.client.get(path)
            if answer.status_code != 200:
                self.record.wrong(f"{answer.status_code} for {path}")
        self.tasks.add(asyncio.create_task(self._present()))
        load = next(one["id"] for one in self.config["dependencies"] if any("load" in to for to in one["targets"]))
        await self.light("open", load, query=ADDRESS)

    async def _present(self) -> None:
        async with self.client.stream("GET", f"{API}/heartbeat/{self.name}") as stream:
            async for _ in stream.aiter_raw():
                pass

    async def browse(self) -> None:
        """Leaf, enlarge an image, look at it in another way."""
        added = self.event("Which pattern is added to the images", "input")
        await self.light("look", added, None, self.choose.choice(["clean", "a", "b"]), ADDRESS)
        await self.light("leaf", self.event("later", "click"), None, ADDRESS)
        await self.light(
            "look", self.event("stripbox", "select"), None, ADDRESS, pressed=str(self.choose.randint(1, 8))
        )

    async def choose_another(self) -> None:
        """Another model or another number of steps."""
        label, values = self.choose.choice([("A ● Model", ["standard"]), ("Steps", [10, 20, 40])])
        await self.light("choice", self.event(label, "input"), None, self.choose.choice(values), ADDRESS)

    async def turn(self) -> None:
        """Open another tab, then go back."""
        for title in (self.choose.choice(TABS), "Compare"):
            await self.turned(title)
            await self.pause(0.3)

    async def turned(self, title: str) -> None:
        """Turn to a tab."""
        parts = self.config["components"]
        switch = next(part["id"] for part in parts if "popstate" in str(part["props"].get("js_on_load")))
        event = next(one for one in self.config["dependencies"] if [switch, "select"] in one["targets"])
        tabs = len(event["inputs"]) // 2
        answer = await self.light("tab", event["id"], *[None] * tabs, *[""] * tabs, pressed=title)
        if found := re.search(rb'\\"key\\": ?\\"([\w-]+)\\"', answer):
            self.album = found[1].decode()

    async def drag(self) -> None:
        """The strength slider rests at several places one after the other."""
        for _ in range(self.choose.randint(2, 5)):
            where = self.choose.choice(STRENGTHS)
            await self.light("strength", self.event("strengths", "select"), None, where, ADDRESS)
            await self.pause(0.2)

    async def upload(self) -> None:
        """Send a picture to the tab Your pictures, and see it there; then one to an endpoint."""
        if not self.album:
            await self.turned("Your pictures")
        began = time.perf_counter()
        named = {"x-plainsight-album": self.album, "x-plainsight-name": "one.png"}
        answer = await self.client.post("/pictures", content=PICTURE, headers=named)
        if answer.status_code not in (200, 410):  # an album that was given up is made anew by the next view
            return self.record.wrong(f"{answer.status_code} for a picture: {answer.text}")
        self.record.counts["uploads"] += answer.status_code == 200
        await self.light(
            "upload", self.event("intakebox", "select"), None, "?tab=pictures&data=signs", pressed={"left": 0}
        )
        self.record.kinds["upload, with sending"].append(time.perf_counter() - began)
        body = {"data": [base64.b64encode(PICTURE).decode(), "signs", "standard", "", "", 16]}
        asked = await self.client.post(f"{API}/call/predict", json=body)
        if asked.status_code == 200:
            told = await self.client.get(f"{API}/call/predict/{asked.json()['event_id']}")
            if "event: complete" not in told.text:
                self.record.wrong(told.text[-300:])
        else:
            self.record.wrong(f"{asked.status_code} {asked.text}")

    async def begin(self) -> bool:
        """Press Run; whether the run has a place in the line."""
        asked = await self.light("run", self.event("compare-run", "click"), None, ADDRESS)
        if b"Waiting for its turn" not in asked:
            return False
        self.record.counts["runs"] += 1
        heavy, line = self.after(self.event("compare-run", "click"))
        # an event of a run that was stopped may still wait, and would show the pictures of this one
        identity = await self.join(heavy, None, ADDRESS)
        early, self.waiting[identity] = self.waiting[identity], self.pictures
        while not early.empty():
            self._hand(identity, early.get_nowait())
        del self.waiting[await self.join(line, None)]  # the page shows what it says; nobody waits for it
        return True

    async def run(self, until: bytes = b"Done in", patience: float = PATIENCE) -> bool:
        """Watch a pattern form until the status line says `until`, or patience ends; then stop. Whether it said so."""
        try:
            if not await self.begin():
                return False
        except Refused:
            return False
        said = False
        try:
            async with asyncio.timeout(patience):
                while not said:
                    said = until in await self.pictures.get()
        except TimeoutError:
            self.record.counts["runs given up"] += 1
        self.record.counts["runs seen to the end"] += said and until == b"Done in"
        if not said or until != b"Done in":
            await self.stop()
        return said

    async def stop(self) -> None:
        """Press Stop."""
        await self.light("stop", self.event("compare-stop", "click"), None, ADDRESS)
        while not self.pictures.empty():
            self.pictures.get_nowait()

    async def begin_and_leave(self) -> None:
        """Press Run, and close the page in the middle."""
        if await self.begin():
            self.record.counts["runs left"] += 1
            await self.pause(1.0)
        raise Left

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(self.choose.uniform(0.5, 1.5) * seconds)

    async def close(self) -> None:
        """Close the page at once, whatever is under way."""
        for task in [*self.tasks, *([self.stream] if self.stream else [])]:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.client.aclose()


class Left(Exception):
    """The visitor has closed the page."""


def _names(part: dict[str, Any], what: str) -> bool:
    props = part["props"]
    return what in (props.get("elem_id"), props.get("label"), *(props.get("elem_classes") or ()))


HABITS: list[tuple[Callable[[Visitor], Awaitable[object]], int]] = [
    (Visitor.browse, 8),
    (Visitor.drag, 6),
    (Visitor.turn, 3),
    (Visitor.choose_another, 3),
    (Visitor.run, 2),
    (Visitor.upload, 2),
    (Visitor.begin_and_leave, 1),
]
"""What people do, and how often."""


async def visit(base: str, number: int, record: Record, config: dict[str, Any], until: float, pause: float) -> None:
    """One seat: people come, do this and that with pauses of about so many seconds, and leave."""
    choose, visits = random.Random(number), 0
    await asyncio.sleep(choose.uniform(0, pause))  # not all at the same moment
    while time.monotonic() < until:
        visitor = Visitor(base, number + 1000 * visits, record, config)
        visits += 1
        record.counts["visits"] += 1
        try:
            await visitor.arrive()
            for _ in range(choose.randint(4, 15)):
                await visitor.pause(pause)
                if time.monotonic() > until:
                    break
                doing = choose.choices([work for work, _ in HABITS], [weight for _, weight in HABITS])[0]
                record.counts["actions"] += 1
                await doing(visitor)
        except Left:
            pass
        except (Refused, TimeoutError) as error:
            record.wrong(f"no answer within {SLOW:.0f} s" if isinstance(error, TimeoutError) else "refused")
        except httpx.HTTPError as error:
            record.wrong(f"{type(error).__name__} {error}")
        finally:
            await visitor.close()


# --------------------------------------------------------------------------------------------------------- real pages

FIRST_PICTURE = "() => document.querySelector('.card-a img')?.naturalWidth > 16"
AT = "words => document.querySelector('.card-a .often')?.innerText.includes(words)"
SAID = "words => words.some(word => document.querySelector('.status').innerText.includes(word))"


@asynccontextmanager
async def browser(chromium: str, flags: list[str]) -> AsyncIterator[Any]:
    """A Chromium while the block lasts."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=chromium, args=flags)
        try:
            yield found
        finally:
            await found.close()


async def use(chrome: Any, base: str, number: int, record: Record, until: float, pause: float) -> None:
    """One window in which real pages are opened, dragged, run and closed in the middle, until the time is over."""
    choose = random.Random(f"page {number}")
    while time.monotonic() < until:
        page = await chrome.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(1000 * SLOW)
        page.on("pageerror", lambda error: record.wrong(f"a script of the page: {error}"))
        record.counts["pages"] += 1
        try:
            await _used(page, base, choose, record, pause)
        except Exception as error:
            record.wrong(f"a page: {str(error).splitlines()[0]}")
        finally:
            await page.close()


async def _used(page: Any, base: str, choose: random.Random, record: Record, pause: float) -> None:
    began = time.perf_counter()
    await page.goto(f"{base}/{ADDRESS}")
    await _until(page, FIRST_PICTURE, "the first picture")
    record.kinds["page: first picture"].append(time.perf_counter() - began)
    await page.focus(".strength input[type=range]")
    for epsilon in STRENGTHS[2:]:
        pressed = time.perf_counter()
        await page.keyboard.press("ArrowRight")
        await _until(page, AT, f"strength {epsilon}", f"at {epsilon}/255")
        record.kinds["page: strength"].append(time.perf_counter() - pressed)
        await asyncio.sleep(choose.uniform(0.2, 1.0))
    await asyncio.sleep(pause * choose.random())
    await page.click("#compare-run")
    await _until(page, SAID, "a run", ["Step", "Waiting", "waiting", "Getting", "Somebody"])
    await asyncio.sleep(choose.uniform(1.0, 4.0))
    if choose.random() < 0.5:
        return  # the page is closed in the middle
    pressed = time.perf_counter()
    await page.click("#compare-stop")
    await _until(page, SAID, "an end of the run", ["Stopped", "done already", "Done", "Somebody", "Yours"])
    record.kinds["page: stop"].append(time.perf_counter() - pressed)


async def _until(page: Any, script: str, what: str, arg: Any = None) -> None:
    """Wait until a script is true in the page; says what it waited for in vain, and what the page said meanwhile."""
    try:
        await page.wait_for_function(script, arg=arg)
    except Exception as error:
        said = await page.evaluate("[...document.querySelectorAll('.status, .card-a .often')].map(e => e.innerText)")
        raise RuntimeError(f"no {what}; it says {' / '.join(said)}") from error


async def health(base: str) -> dict[str, Any]:
    """What the server says of itself."""
    async with httpx.AsyncClient(base_url=base, timeout=SLOW) as client:
        return dict(json.loads((await client.get("/healthz")).text))
