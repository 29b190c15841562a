"""Figures for Prometheus at /metrics, where whoever hosts the app admits readers (`PLAINSIGHT_METRICS`)."""

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import service
from app.guard.access import trusted
from app.guard.places import HEAVY, LINE
from app.intake import Intake
from app.settings import Network

SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
CLOSED = "Only addresses that PLAINSIGHT_METRICS names may read this."


class Metrics:
    """The figures of one app; `watch` sees how long its light events take."""

    def __init__(self, runs: service.RunRegistry, intake: Intake, readers: tuple[Network, ...] | None) -> None:
        self.runs, self.intake, self.readers = runs, intake, readers
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        words = "Seconds from asking for a view to its answer."
        self.light = Histogram("plainsight_view_seconds", words, registry=self.registry, buckets=SECONDS)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """What the app knows anyway, at this moment."""
        yield GaugeMetricFamily("plainsight_models", "Models to show.", service.health()["models"])
        now = GaugeMetricFamily("plainsight_runs", "Runs under way and waiting.", labels=["state"])
        for state, count in self.runs.counts().items():
            now.add_metric([state], count)
        yield now
        ever = CounterMetricFamily(
            "plainsight_runs_total", "Runs since the start, by what became of them.", labels=["what"]
        )
        for what, count in self.runs.tallies().items():
            ever.add_metric([what], count)
        yield ever
        yield CounterMetricFamily("plainsight_uploads_total", "Pictures that visitors sent.", self.intake.taken)

    def watch(self, page: Any) -> None:
        """Measure each light event of a page that is served."""
        queue = page._queue
        process = queue.process_events

        async def processed(events: list[Any], *given: Any) -> None:
            try:
                await process(events, *given)
            finally:
                for event in events:
                    if event.concurrency_id not in (HEAVY, LINE):
                        self.light.observe(time.monotonic() - event.enqueue_time)

        queue.process_events = processed

    def answer(self, request: Request) -> Response:
        """All figures as text; 403 for whoever may not read them."""
        if not trusted(request.client.host if request.client else "", self.readers):
            return JSONResponse({"error": CLOSED}, 403, {"cache-control": "no-store"})
        text = exposition.generate_latest(self.registry)
        return Response(text, media_type=exposition.CONTENT_TYPE_PLAIN_0_0_4, headers={"cache-control": "no-store"})
