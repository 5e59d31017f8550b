"""The agent's health as Prometheus metrics, read from the running parts when scraped."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.clock import Clock
from edge.config import SecurityPolicy
from edge.device import Device
from edge.journal import Journal, JournalStats, JournalUnavailableError
from edge.north.session import NodeSession, NorthState
from edge.recorder import Recorder

PREFIX: Final = "nonagon_edge"


class JournalGauge:
    """The journal's figures, refreshed by the agent: only the journal's own thread may read it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.stats = JournalStats(waiting=0, bytes=0, oldest_at=None)

    async def refresh(self) -> None:
        try:
            self.stats = await self._recorder.ask(Journal.stats)
        except JournalUnavailableError:
            return  # the recorder's fault gauge tells


class HealthCollector(Collector):
    """What a scrape reads; nothing is counted twice because nothing is counted here."""

    def __init__(
        self,
        *,
        devices: Sequence[Device],
        session: NodeSession,
        recorder: Recorder,
        journal: JournalGauge,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._session = session
        self._recorder = recorder
        self._journal = journal
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        yield from self._collect_devices()
        yield from self._collect_journal()
        yield from self._collect_session()

    def _collect_devices(self) -> Iterable[Metric]:
        items = _gauge("items", "Monitored items by kind", ["device", "kind"])
        queue = _gauge("queue_depth", "Notifications waiting", ["device"])
        connects = _counter("machine_connects", "Attempts to reach the machine", ["device"])
        samples = _counter("samples", "Values received from the machine", ["device"])
        refused = _gauge("machine_refused", "1 while no session is taken", ["device", "cause"])
        protected = _gauge("machine_protected", "0 without encryption", ["device", "policy"])
        expiry = _gauge("machine_certificate_days", "Until it expires", ["device"])
        good = _gauge(
            "seconds_since_good", "Since the machine's clock was seen to move", ["device"]
        )
        online = _gauge("machine_online", "1 while the session is verified", ["device"])
        for device in self._devices:
            name = device.twin.device
            items.add_metric([name, "desired"], device.items_desired)
            items.add_metric([name, "actual"], device.items_actual)
            items.add_metric([name, "bad"], device.items_bad)
            queue.add_metric([name], device.queue_length)
            connects.add_metric([name], device.connects_count)
            samples.add_metric([name], device.samples_count)
            online.add_metric([name], float(device.can_vouch))
            age_s = device.seconds_since_good
            good.add_metric([name], float("inf") if age_s is None else age_s)
            if device.refusal is not None:
                refused.add_metric([name, device.refusal], 1)
            if device.policy is not None:
                is_protected = device.policy is not SecurityPolicy.NONE
                protected.add_metric([name, device.policy], float(is_protected))
            if device.certificate_until is not None:
                left = device.certificate_until - self._clock.now()
                expiry.add_metric([name], left / timedelta(days=1))
        yield from (items, queue, connects, samples, good, online, refused, protected, expiry)

    def _collect_journal(self) -> Iterable[Metric]:
        stats = self._journal.stats
        age_s = (self._clock.now() - stats.oldest_at).total_seconds() if stats.oldest_at else 0.0
        yield _gauge("journal_rows", "Rows without a receipt", value=stats.waiting)
        yield _gauge("journal_bytes", "Bytes of the journal in use", value=stats.bytes)
        yield _gauge("journal_oldest_seconds", "Age of the oldest waiting row", value=age_s)
        yield _gauge("journal_made", "Highest journal offset", value=self._recorder.made)
        yield _gauge("journal_pending", "Not yet committed", value=self._recorder.pending_count)
        yield _gauge("journal_fault", "1 while writes fail", value=not self._recorder.is_healthy)
        yield _counter("journal_lost", "Lost while full", value=self._recorder.lost_count)
        yield _counter(
            "journal_evicted", "Given up for a limit", value=self._recorder.evicted_count
        )

    def _collect_session(self) -> Iterable[Metric]:
        session = self._session
        at_s = session.receipt_at_s
        age_s = float("inf") if at_s is None else self._clock.monotonic() - at_s
        yield _gauge("receipt_age_seconds", "Since the platform's last receipt", value=age_s)
        yield _gauge("rows_in_flight", "Sent, not yet receipted", value=session.in_flight_count)
        live = session.state is NorthState.LIVE
        yield _gauge("platform_live", "1 while born at the platform", value=live)
        yield _counter("platform_connects", "MQTT sessions opened", value=session.connects_count)
        yield _counter("rows_receipted", "Rows deleted by receipt", value=session.receipted_count)
        yield _counter("malformed", "Unreadable commands", value=session.malformed_count)


def health_registry(collector: HealthCollector) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def _gauge(
    name: str, text: str, labels: Sequence[str] | None = None, value: float | None = None
) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=labels, value=value)


def _counter(
    name: str, text: str, labels: Sequence[str] | None = None, value: float | None = None
) -> CounterMetricFamily:
    return CounterMetricFamily(f"{PREFIX}_{name}", text, labels=labels, value=value)
