"""The send window: everything without a receipt is sent until it has one, the newest first."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal import Row
from edge.north.window import Parcel, SendWindow
from services.contracts.telemetry import Observation, Quality, Signal
from tests.unit.edge.clocks import START


def row(offset: int, device: str = "mill-07") -> Row:
    return Row(offset, Observation(device, Signal.PARTS, offset, Quality.GOOD, START, START))


class Disk:
    """The journal as the window sees it."""

    def __init__(self, waiting: int = 0) -> None:
        self.rows = {offset: row(offset) for offset in range(1, waiting + 1)}
        self.made = waiting

    def append(self, count: int) -> list[Row]:
        rows = [row(self.made + step) for step in range(1, count + 1)]
        self.made += count
        self.rows.update({each.offset: each for each in rows})
        return rows

    def newest(self, limit: int) -> list[Row]:
        return [self.rows[offset] for offset in sorted(self.rows)[-limit:]]

    def after(self, offset: int, limit: int) -> list[Row]:
        return [self.rows[each] for each in sorted(self.rows) if each > offset][:limit]


def begin(window: SendWindow, disk: Disk) -> None:
    window.begin(head=disk.made, newest=disk.newest(window.live_max))


def sent(window: SendWindow, disk: Disk, now_s: float) -> list[Parcel]:
    window.expire(now_s)
    parcels = window.take_live(now_s)
    while read := window.backlog_read():
        parcels += window.take_backlog(read, disk.after(read.after, read.limit), now_s)
    return parcels


def offsets(parcels: list[Parcel]) -> list[int]:
    return [parcel.row.offset for parcel in parcels]


class TestShares:
    def test_a_backlog_leaves_room_for_what_happens_now(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk(100)
        begin(window, disk)
        assert offsets(sent(window, disk, 0)) == [*range(93, 101), 1, 2]
        assert sent(window, disk, 0.1) == []
        window.receipted([(93, 100)])
        window.committed(disk.append(3))
        assert offsets(sent(window, disk, 0.2)) == [101, 102, 103]

    def test_the_backlog_moves_on_as_receipts_come(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk(20)
        begin(window, disk)
        sent(window, disk, 0)
        for first in range(1, 13, 2):
            for offset in (first, first + 1):
                del disk.rows[offset]
            window.receipted([(first, first + 1)])
            sent(window, disk, 0.1)
        assert window.in_flight_count == 8

    def test_never_more_in_flight_than_allowed(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk(100)
        begin(window, disk)
        for step in range(20):
            window.committed(disk.append(5))
            sent(window, disk, step)
            assert window.in_flight_count <= 10


class TestResending:
    def test_waits_before_it_sends_again(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk(2)
        begin(window, disk)
        assert offsets(sent(window, disk, 0)) == [1, 2]
        assert sent(window, disk, 2.9) == []
        assert offsets(sent(window, disk, 3.0)) == [1, 2]

    def test_a_birth_makes_everything_due(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk(2)
        begin(window, disk)
        sent(window, disk, 0)
        begin(window, disk)
        assert offsets(sent(window, disk, 0.1)) == [1, 2]

    def test_what_fell_out_of_the_live_lane_comes_by_the_backlog(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk()
        begin(window, disk)
        sent(window, disk, 0)
        window.committed(disk.append(12))
        assert offsets(sent(window, disk, 0.1)) == [*range(5, 13), 1, 2]

    def test_rows_loaded_by_a_birth_and_committed_after_are_sent_once(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk()
        rows = disk.append(3)
        begin(window, disk)
        window.committed(rows)
        assert offsets(sent(window, disk, 0)) == [1, 2, 3]


class TestHistory:
    def test_rows_from_before_the_birth_are_historical(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk(2)
        begin(window, disk)
        window.committed(disk.append(1))
        assert [parcel.is_historical for parcel in sent(window, disk, 0)] == [True, True, False]

    def test_a_row_sent_again_is_historical_only_if_a_newer_one_went_before(self) -> None:
        window, disk = SendWindow(rows_max=10), Disk()
        begin(window, disk)
        window.committed(disk.append(2))
        sent(window, disk, 0)
        again = sent(window, disk, 3)
        assert [(each.row.offset, each.is_historical) for each in again] == [(1, True), (2, False)]


@settings(deadline=None)
@given(
    waiting=st.integers(0, 40),
    steps=st.lists(
        st.tuples(st.integers(0, 15), st.floats(0, 1), st.booleans(), st.floats(0, 4)), max_size=30
    ),
)
def test_in_the_end_every_row_has_its_receipt(
    waiting: int, steps: list[tuple[int, float, bool, float]]
) -> None:
    """Whatever share of messages is lost, and whenever births come between."""
    window, disk, now_s = SendWindow(rows_max=10), Disk(waiting), 0.0
    begin(window, disk)

    def deliver(parcels: list[Parcel], share: float) -> None:
        arrived = offsets(parcels)[: round(len(parcels) * share)]
        for offset in arrived:
            disk.rows.pop(offset, None)
        window.receipted([(offset, offset) for offset in arrived])

    for count, share, is_reborn, passed_s in steps:
        window.committed(disk.append(count))
        if is_reborn:
            begin(window, disk)
        now_s += passed_s
        deliver(sent(window, disk, now_s), share)
    for _ in range(500):
        now_s += 1
        deliver(sent(window, disk, now_s), 1)
    assert disk.rows == {}
    assert window.in_flight_count == 0
