"""Windows of one act, compared with a comparison of every one with every other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from assignments.overlaps import Place, Windows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_instants = st.none() | st.integers(-3, 12).map(lambda hours: NOW + timedelta(hours=hours))
_windows = st.tuples(_instants, _instants).filter(
    lambda window: window[0] is None or window[1] is None or window[0] < window[1]
)


@given(windows=st.lists(_windows, max_size=12))
def test_a_window_is_taken_exactly_when_none_before_it_overlaps(
    windows: list[tuple[datetime | None, datetime | None]],
) -> None:
    kept: list[tuple[datetime | None, datetime | None]] = []
    taken = Windows()

    for start, end in windows:
        over = end is not None and end <= NOW
        free = all(
            (other_end is not None and start is not None and other_end <= start)
            or (end is not None and other_start is not None and end <= other_start)
            for other_start, other_end in kept
        )
        place = Place(uuid4(), uuid4(), uuid4(), start, end)
        assert taken.take(place, NOW) == (over or free)
        if free and not over:
            kept.append((start, end))
