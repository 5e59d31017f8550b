"""What a matcher counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

MESSAGES_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SLOTS_BUCKETS = (1, 4, 16, 64, 250, 500, 1_000, 2_000)


class MatcherMetrics:
    """The door's metrics in ``registry``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.questions = Counter(
            "nonagon_matcher_questions",
            "Questions by kind and what became of them",
            ["kind", "outcome"],
            registry=registry,
        )
        self.demands = Counter(
            "nonagon_matcher_demands", "Demands answered, those of batches too", registry=registry
        )
        self.considered = Counter(
            "nonagon_matcher_considered",
            "Listings of an acceptable process judged for answers with reasons",
            registry=registry,
        )
        self.examined = Counter(
            "nonagon_matcher_examined",
            "Rows whose bit sets were read, 64 at once",
            registry=registry,
        )
        self.bounds_hit = Counter(
            "nonagon_matcher_bounds_hit",
            "Processes left early: nothing after could rank or be paid for",
            registry=registry,
        )
        self.candidates = Counter(
            "nonagon_matcher_candidates", "Candidates given in answers", registry=registry
        )
        self.waiting = Gauge(
            "nonagon_matcher_waiting", "Questions that wait to be answered", registry=registry
        )
        self.batch = Histogram(
            "nonagon_matcher_batch_messages",
            "Questions answered together: those that came while the last ones were answered",
            buckets=MESSAGES_BUCKETS,
            registry=registry,
        )
        self.owner = Gauge(
            "nonagon_matcher_owner", "1 while this process answers for its shard", registry=registry
        )
        self.listings = Gauge(
            "nonagon_matcher_listings", "Listings kept in memory", registry=registry
        )
        self.events = Counter("nonagon_matcher_events", "Events taken over", registry=registry)
        self.read = Counter(
            "nonagon_matcher_read",
            "Resources, live states and offers read again from the record",
            ["what"],
            registry=registry,
        )
        self.slots = Counter(
            "nonagon_matcher_slots",
            "Slots asked of the writer, held or by why not",
            ["outcome"],
            registry=registry,
        )
        self.written = Histogram(
            "nonagon_matcher_written_slots",
            "Slots written by one commit",
            buckets=SLOTS_BUCKETS,
            registry=registry,
        )
