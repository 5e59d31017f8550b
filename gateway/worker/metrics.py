"""What the worker counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class WorkerMetrics:
    """The door's metrics in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "nonagon_worker_events",
            "Deliveries by consumer and what became of them",
            ["consumer", "outcome"],
            registry=registry,
        )
        self.lag = Gauge(
            "nonagon_worker_consumer_pending",
            "Events a consumer has still to get",
            ["consumer"],
            registry=registry,
        )
        self.jobs = Counter(
            "nonagon_worker_jobs",
            "Runs of scheduled jobs by what became of them",
            ["job", "outcome"],
            registry=registry,
        )
        self.outbox = Gauge(
            "nonagon_outbox_unpublished", "Events waiting for the relay", registry=registry
        )
        self.relayed = Counter(
            "nonagon_outbox_relayed", "Events handed to the broker", registry=registry
        )
        self.callouts = Counter(
            "nonagon_worker_callouts",
            "Connections to the broker by what was decided, and revoked ones that were cut",
            ["outcome"],
            registry=registry,
        )
