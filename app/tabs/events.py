"""How a tab that runs attacks is wired: light events, the run that streams, Stop; and which tab opens when."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
from anyio import to_thread

from app import service
from app.components import TURNED, turned
from app.session import Session
from app.tabs.base import NO_TARGET, AtStrengths, RunView, TabView, Updates, sentence_line

EVERY = 0.18
"""Seconds between two pictures of a run; slower parts of the page follow every `SLOWLY` seconds."""
SLOWLY = 1.0

LOOK, TOLD = 1.0, 10.0
"""How often, in seconds, the line is looked at for those who wait, and how often they are told how long it takes."""

LIGHT: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}


def wire(view: RunView[Any], looks: list[tuple[str, Any]], leaves: dict[gr.Button, tuple[str, int]]) -> None:
    """Light events answer at once; the run shares one queue with every heavy event of the app.

    `looks` are fields of the session with controls that set them and change nothing but the drawing; `leaves` are
    buttons that count such a field up or down.
    """
    begun = listen([view.run.click], view, _begun(view), trigger_mode="once")
    heavy = LIGHT | {"concurrency_limit": 1, "concurrency_id": "heavy", "trigger_mode": "multiple", "js": HERE}
    begun.success(_watched(view), [view.session, view.where], view.outputs, **heavy)
    line = LIGHT | {"concurrency_limit": None, "concurrency_id": "line", "trigger_mode": "multiple"}
    begun.success(_waited(view), [view.session], [view.status], **line)
    # No `cancels`: a picture that is on its way when Gradio cancels a run arrives later, and stays.
    listen([view.stop.click], view, _stopped(view))
    for name, control in view.controls.items():
        if name != "epsilon":
            listen([control.input], view, _chosen(view, name), control, trigger_mode="always_last")
        elif view.at_strengths is None:
            listen([control.release, control.change], view, _chosen(view, name), control, trigger_mode="always_last")
        else:
            _dragged(view, control, view.at_strengths)
    for name, control in looks:
        listen([control.input], view, _drawn(view, name), control)
    for button, (name, by) in leaves.items():
        listen([button.click], view, _leafed(view, name, by))


def _dragged(view: RunView[Any], slider: gr.Slider, strengths: AtStrengths) -> None:
    """Answer the slider in the browser while it moves, from views made beforehand, and on the server once it rests."""
    at_once = f"epsilon => window.plainsight.at(epsilon, {len(strengths.parts)})"
    gr.on([slider.input], None, [slider], [slider, *strengths.parts], js=at_once, **LIGHT)
    # the slider itself is read: an event that had to wait comes with what it was about before it waited
    listen([strengths.views.select], view, _chosen(view, "epsilon"), slider, trigger_mode="always_last")

    def made(session: Session) -> str:
        """No turn is taken, so that what a person chooses meanwhile need not wait."""
        if not session.data:
            return ""  # nothing was opened, or it is forgotten
        try:
            stored = service.strengths(session)
            others = {epsilon: replace(service.changed(session, "epsilon", epsilon), run="") for epsilon in stored}
            views = {epsilon: strengths.show(there) for epsilon, there in others.items()}
        except (OSError, ValueError):
            return ""  # the slider's own event says why
        return json.dumps({"query": session.query(), "views": views})

    gr.on([strengths.views.input], made, [view.session], [strengths.views], **LIGHT | {"concurrency_limit": 1})


HERE = "(...given) => [...given.slice(0, -1), location.search]"
"""Puts the query of the page in place of an event's last input."""


def listen(
    triggers: list[Any],
    view: TabView[Any],
    work: Callable[..., Updates],
    *inputs: Any,
    pressed: bool = False,
    **options: Any,
) -> Any:
    """Answer an event by `work(session, *values of the inputs)`, or by `work(session, what was pressed)`.

    A session that Gradio has forgotten (it keeps 200) comes back from the page's address. The components of Gradio do
    not check the values, since it has forgotten what they offer too: the service does.
    """

    def heard(session: Session, request: gr.Request, event: gr.EventData, *values: Any) -> Updates:
        visitor = request.session_hash or ""

        def answer() -> Updates:
            with view.runs.turn(replace(session, visitor=visitor)) as newest:
                own = service.recalled(newest, values[-1], view.runs, visitor)
                return _committed(view, work(own, _pressed(event)) if pressed else work(own, *values[:-1]))

        return guarded(view, answer)

    settings = {"outputs": view.outputs, "js": HERE, "preprocess": False, **LIGHT, **options}
    return gr.on(triggers, heard, [view.session, *inputs, view.where], **settings)


def _committed(view: TabView[Any], updates: Updates) -> Updates:
    """The updates; their session, if any, is what the next event of this visitor and tab starts from."""
    if view.session in updates:
        updates[view.session] = view.runs.commit(updates[view.session])
    return updates


def _pressed(event: gr.EventData) -> Any:
    try:
        return event.value
    except (AttributeError, TypeError):  # nothing came with the event, as never from the page
        return None


def open_tabs(page: gr.Blocks, switch: gr.Tabs, views: dict[str, tuple[str, TabView[Any]]]) -> None:
    """Show the tab that the address names, again after Back; the others open when a person turns to them.

    `views` holds each tab's title and view by its name.
    """
    addresses = [view.address for _, view in views.values()]
    sessions = [view.session for _, view in views.values()]
    outputs = [part for _, view in views.values() for part in view.outputs]

    def named(query: dict[str, str]) -> str:
        name = query.get("tab", "")
        return name if name in views else next(iter(views))

    def first(request: gr.Request) -> Updates:
        return asked(dict(request.query_params), request.session_hash or "")

    def asked(query: dict[str, str], visitor: str) -> Updates:
        name = named(query)
        return {switch: gr.Tabs(selected=name), **opened(views[name][1], query, visitor)}

    def turned_to(event: gr.EventData, request: gr.Request, *found: Any) -> Updates:
        pressed, visitor = str(_pressed(event)), request.session_hash or ""
        if pressed.startswith("?"):
            query = service.parameters(pressed)
            view = views[named(query)][1]
            view.runs.stop_tab(kind(view)(visitor=visitor))
            return asked(query, visitor)
        for number, (name, (title, view)) in enumerate(views.items()):
            session, address = found[number], found[number + len(views)]
            if title == pressed and not session.data:  # never opened, or forgotten: the page still knows its address
                return opened(view, service.parameters(str(address or "")) or {"tab": name}, visitor)
        return {switch: gr.skip()}

    def led(name: str) -> Callable[[Session], Updates]:
        def there(session: Session) -> Updates:
            view = views[name][1]
            onward = session.on(kind(view))
            view.runs.stop_tab(onward)
            return {switch: gr.Tabs(selected=name), **opened(view, service.parameters(onward.query()), session.visitor)}

        return there

    page.load(first, None, [switch, *outputs], **LIGHT)
    for _, view in views.values():
        if view.onward is not None:
            button, name = view.onward
            led_there = listen([button.click], view, led(name), outputs=[switch, *outputs])
            led_there.then(None, js=TURNED, **LIGHT)
    turned().select(turned_to, [*sessions, *addresses], [switch, *outputs], **LIGHT).then(None, js=TURNED, **LIGHT)


def kind(view: TabView[Any]) -> type[Session]:
    """The tab's kind of session."""
    return type(view.session.value)


def opened(view: TabView[Any], query: dict[str, str], visitor: str = "") -> Updates:
    """The tab as an address asks for it, or its usual first view."""

    def shown() -> Updates:
        session, sentence = service.opened(query, kind(view))
        return view.shown(replace(session, visitor=visitor), sentence)

    try:
        return _committed(view, service.settled(shown))
    except Exception as error:
        return view.failed(service.told(error))


def _chosen(view: RunView[Any], name: str) -> Callable[[Session, Any], Updates]:
    def chosen(session: Session, value: Any) -> Updates:
        value = aimed(name, value)
        try:
            after = service.changed(session, name, value)
            if getattr(session, name) == getattr(after, name):
                return {view.session: session}
            service.stop(session, view.runs)
            return view.shown(after, changed=name)
        except (OSError, ValueError) as error:
            return _rested(view, session, warned(error))  # the control goes back to what the page shows

    return chosen


def aimed(name: str, value: Any) -> Any:
    """What a picker holds as the session holds it: no target is a word there."""
    return None if name == "target" and value == NO_TARGET else value


def _drawn(view: RunView[Any], name: str) -> Callable[[Session, Any], Updates]:
    """Another way to look at the same result: whatever runs goes on."""

    def drawn(session: Session, value: Any) -> Updates:
        return redrawn(view, service.looked(session, name, value))

    return drawn


def _leafed(view: RunView[Any], name: str, by: int) -> Callable[[Session], Updates]:
    def leafed(session: Session) -> Updates:
        return redrawn(view, service.looked(session, name, max(0, getattr(session, name) + by)))

    return leafed


def redrawn(view: RunView[Any], session: Session) -> Updates:
    """The tab looked at in another way, with its session and address."""
    view.runs.look(session)
    return {**view.redrawn(session), view.session: session, view.address: session.query()}


def guarded(view: TabView[Any], work: Callable[[], Updates]) -> Updates:
    """What a person did wrong, or what is absent, in one sentence; never a traceback."""
    try:
        return work()
    except Exception as error:
        return {view.status: sentence_line(warned(error), bad=True)}


def warned(error: Exception) -> str:
    """The sentence of an error, said at the edge of the page too, where Gradio takes messages for HTML."""
    sentence = service.told(error)
    gr.Warning(escape(sentence), title="That did not work")
    return sentence


def _rested(view: RunView[Any], session: Session, sentence: str) -> Updates:
    """The tab at rest with a complaint; only buttons and status line where even that cannot be shown.

    Models that have been left out since give way to the usual ones.
    """
    service.stop(session, view.runs)
    try:
        return service.settled(lambda: view.shown(service.refreshed(session), sentence))
    except (OSError, ValueError):
        return {view.status: sentence_line(sentence, bad=True), **view.buttons(running=False)}


def _begun(view: RunView[Any]) -> Callable[[Session], Updates]:
    def begun(session: Session) -> Updates:
        waiting = view.runs.enqueue(session)
        line = sentence_line(_place(view, waiting))
        return {view.session: waiting, view.status: line, **view.buttons(running=True)}

    return begun


def _place(view: RunView[Any], session: Session) -> str:
    """How many runs come before the session's own, and about how long they take."""
    first, seconds = view.runs.before(session), service.waiting_time(session, view.runs)
    words = f": {first} {'run comes' if first == 1 else 'runs come'} first" if first else ""
    words += f", about {_about(seconds):,} s" if first and seconds is not None else ""
    return f"Waiting for its turn{words}."


def _about(seconds: float) -> int:
    """Seconds as they are estimated: to 1, then 5, then 10 of them."""
    step = 1 if seconds < 10 else 5 if seconds < 60 else 10
    return max(1, step * round(seconds / step))


def _waited(view: RunView[Any]) -> Callable[[Session], AsyncIterator[Updates]]:
    """Tells a visitor whose run waits when the line has moved, read out, and how long it takes, without that.

    No thread is held while it waits.
    """

    async def waited(session: Session) -> AsyncIterator[Updates]:
        first, told, sentence = view.runs.before(session), time.monotonic(), ""
        while view.runs.waits(session):
            await asyncio.sleep(LOOK)
            now, before = time.monotonic(), view.runs.before(session)
            if before == first and now - told < TOLD:
                continue
            found = await to_thread.run_sync(_place, view, session)  # unlike those of asyncio, its threads end
            if found != sentence and view.runs.waits(session):
                yield {view.status: sentence_line(found, aloud=before != first)}
            first, told, sentence = before, now, found
        yield {view.status: gr.skip()}  # Gradio sends the last one again at the end, when the page may show other words

    return waited


def _watched(view: RunView[Any]) -> Callable[..., Iterator[Updates]]:
    def watched(session: Session, request: gr.Request, where: str) -> Iterator[Updates]:
        try:
            session = service.recalled(session, where, view.runs, request.session_hash or "")
            if not view.runs.claim(session):  # Gradio reads the session now: it may hold another run, or none
                yield {view.status: gr.skip()}
                return
            yield from _pictures(view, session)
        except Exception as error:
            yield _broken_off(view, session, warned(error))

    return watched


def _broken_off(view: RunView[Any], session: Session, sentence: str) -> Updates:
    """The tab at rest after its run has failed, unless the person has gone on to something else meanwhile."""
    with view.runs.turn(session) as newest:
        if newest.run != session.run:
            return {view.status: gr.skip()}
        return _committed(view, _rested(view, replace(newest, run=""), sentence))


def _pictures(view: RunView[Any], session: Session) -> Iterator[Updates]:
    """At most one update every EVERY seconds, and always the last one; none once the run has been ended.

    Parts of the page that did not change are not sent again: a browser takes long to put large pictures up.
    """
    drawn = slow = 0.0
    sent: Updates = {}
    with view.runs.drawn(session):
        for tick in service.run(session, view.runs):
            if view.runs.ended(session):
                break
            now, session = time.perf_counter(), view.runs.current(session)
            if tick.finished:
                yield _finished(view, session, tick.message)
                return
            if now - drawn < EVERY:
                continue
            slowly = now - slow > SLOWLY
            shown = {
                view.status: sentence_line(tick.message, aloud=False),
                **view.forming(session, tick.outcomes, slowly),
            }
            if new := {part: value for part, value in shown.items() if sent.get(part) != value}:
                yield new  # Gradio takes an empty one for an error
            sent |= shown
            drawn, slow = now, now if slowly else slow
        yield gr.skip()  # Gradio goes on here once all earlier pictures are on their way


def _finished(view: RunView[Any], session: Session, sentence: str) -> Updates:
    shown = view.shown(session, sentence)
    del shown[view.session]  # what the person has chosen meanwhile stays
    return shown


def _stopped(view: RunView[Any]) -> Callable[[Session], Updates]:
    def stopped(session: Session) -> Updates:
        sentence = service.stop(session, view.runs)
        if not view.runs.found(session):  # not a step was taken: what the page showed before is shown again
            session = replace(session, run="")
        return view.shown(session, sentence)

    return stopped
