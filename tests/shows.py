"""What the app shows of a session, and the live runs of the tests."""

from collections.abc import Iterator

from app import service
from app.service import CompareSession, SegmentationSession
from app.session import Session

RUNS = service.RunRegistry()


def comparison(session: CompareSession) -> service.Comparison:
    return service.comparison(session, service.outcomes(session, RUNS))


def scene_page(session: SegmentationSession) -> service.ScenePage:
    return service.scene_page(session, service.outcomes(session, RUNS))


def scene(session: SegmentationSession) -> tuple[service.Street, tuple[service.Look, service.Look]]:
    return service.scene(session, service.outcomes(session, RUNS))


def looks(session: SegmentationSession) -> tuple[service.Look, service.Look]:
    return service.looks(session, service.outcomes(session, RUNS))


def strip(session: CompareSession) -> service.Strip:
    return service.strip(session, service.outcomes(session, RUNS))


def card(session: Session, side: str) -> service.Card:
    return service.cards(session, service.outcomes(session, RUNS))["ab".index(side)]


def run(session: Session) -> Iterator[service.Tick]:
    return service.run(session, RUNS)


def stop(session: Session) -> str:
    return service.stop(session, RUNS)
