"""What ingest counts."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.runtime.metrics import DELAY_BUCKETS_S

COMMIT_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
BATCH_BUCKETS: Final = (1, 5, 10, 50, 100, 200, 500, 1_000, 2_000, 5_000)


class IngestMetrics:
    """The door's metrics in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.observations = Counter(
            "nonagon_ingest_observations",
            "Journalled observations by what became of them",
            ["outcome"],
            registry=registry,
        )
        self.quarantined = Counter(
            "nonagon_ingest_quarantined", "Rows written to quarantine", registry=registry
        )
        self.suppressed = Counter(
            "nonagon_ingest_quarantine_suppressed",
            "Refused messages not kept: their like was, or the allowance was spent",
            registry=registry,
        )
        self.dropped = Counter(
            "nonagon_ingest_dropped",
            "Messages dropped because the queue was full; edges send them again",
            registry=registry,
        )
        self.messages = Counter(
            "nonagon_ingest_messages", "Messages taken from the queue", registry=registry
        )
        self.rebirths = Counter(
            "nonagon_ingest_rebirths", "Rebirths asked of edge nodes", registry=registry
        )
        self.failures = Counter(
            "nonagon_ingest_write_failures", "Attempts to write that failed", registry=registry
        )
        self.queue_depth = Gauge(
            "nonagon_ingest_queue_messages", "Messages waiting in the queue", registry=registry
        )
        self.batch_size = Histogram(
            "nonagon_ingest_batch_observations",
            "Observations per transaction",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "nonagon_ingest_commit_seconds",
            "Time from planning a batch to its commit",
            buckets=COMMIT_BUCKETS_S,
            registry=registry,
        )
        self.delay_seconds = Histogram(
            "nonagon_ingest_delay_seconds",
            "From a machine's own timestamp to the commit, once per device and batch",
            buckets=DELAY_BUCKETS_S,
            registry=registry,
        )
