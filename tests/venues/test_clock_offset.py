"""A venue's clock: bounds that hold whatever the network does, narrower with every quick trip."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from alp.venues.account.clock_offset import STEP_NS, ClockReading, VenueClock

MILLI = 10**6
SECOND = 10**9
START = 1_790_000_000 * SECOND


@dataclass
class Clocks:
    """Local clocks and a venue's, moved by hand."""

    monotonic: int = 5_000 * SECOND
    step: int = 0
    ahead: int = 0
    unit: int = MILLI

    def wall_ns(self) -> int:
        return START + self.monotonic + self.step

    def venue_ns(self) -> int:
        now = START + self.monotonic + self.ahead
        return now - now % self.unit

    def made(self) -> VenueClock:
        return VenueClock(monotonic_ns=lambda: self.monotonic, wall_ns=self.wall_ns)

    def trip(self, clock: VenueClock, there: int, back: int) -> None:
        sent = self.monotonic
        self.monotonic += there
        venue_ns = self.venue_ns()
        self.monotonic += back
        clock.see(sent, self.monotonic, venue_ns)


def reading_of(clock: VenueClock) -> ClockReading:
    reading = clock.reading()
    assert reading is not None
    return reading


def test_before_it_is_measured_the_time_is_the_local_one() -> None:
    clocks = Clocks()
    clock = clocks.made()
    assert clock.now_ns() == clocks.wall_ns()
    assert (clock.valid, clock.reading()) == (False, None)


def test_one_trip_bounds_the_offset_by_half_of_it() -> None:
    clocks = Clocks(ahead=250 * MILLI)
    clock = clocks.made()
    clocks.trip(clock, 10 * MILLI, 30 * MILLI)
    reading = reading_of(clock)
    assert abs(reading.offset_ns - clocks.ahead) <= reading.error_ns
    assert reading.error_ns <= 21 * MILLI


def test_the_quick_trip_counts_and_slow_ones_before_and_after_do_no_harm() -> None:
    clocks = Clocks(ahead=-3 * SECOND)
    clock = clocks.made()
    clocks.trip(clock, 400 * MILLI, 2 * MILLI)
    clocks.trip(clock, MILLI, MILLI)
    best = reading_of(clock).error_ns
    clocks.trip(clock, 3 * MILLI, 900 * MILLI)
    reading = reading_of(clock)
    assert best < 2 * MILLI
    assert reading.error_ns <= best + 905 * MILLI // 10_000 + 1
    assert abs(reading.offset_ns - clocks.ahead) <= reading.error_ns


def test_a_clock_of_whole_seconds_becomes_exact_when_it_ticks() -> None:
    clocks = Clocks(ahead=123 * MILLI, unit=SECOND)
    clock = clocks.made()
    clocks.trip(clock, MILLI, MILLI)
    assert reading_of(clock).error_ns > 500 * MILLI
    assert reading_of(clock).least_ns == 0
    for _ in range(40):
        clocks.monotonic += 97 * MILLI
        clocks.trip(clock, MILLI, MILLI)
    reading = reading_of(clock)
    assert reading.error_ns < 300 * MILLI
    assert abs(reading.offset_ns - clocks.ahead) <= reading.error_ns


trips = st.lists(
    st.tuples(st.integers(0, 2 * SECOND), st.integers(0, 2 * SECOND), st.integers(0, 60 * SECOND)),
    min_size=1,
    max_size=20,
)


@given(
    ahead=st.integers(-5 * SECOND, 5 * SECOND),
    drift=st.sampled_from([-1, 1]).flatmap(
        lambda sign: st.integers(12_000, 10**6).map(lambda one_in: sign * one_in)
    ),
    unit=st.sampled_from([1, 1000, MILLI, SECOND]),
    steps=trips,
)
def test_the_true_offset_is_always_within_the_bounds(
    ahead: int, drift: int, unit: int, steps: list[tuple[int, int, int]]
) -> None:
    """The venue's clock drifts by less than one in 10,000."""
    clocks = Clocks(ahead=ahead, unit=unit)
    clock = clocks.made()
    for there, back, pause in steps:
        clocks.trip(clock, there, back)
        reading = reading_of(clock)
        allowed = reading.error_ns + len(steps)  # each step is rounded here
        assert abs(reading.offset_ns - clocks.ahead) <= allowed
        assert abs(reading.least_ns) <= abs(clocks.ahead) + len(steps)
        assert abs(clock.now_ns() - (START + clocks.monotonic + clocks.ahead)) <= allowed
        clocks.monotonic += pause
        clocks.ahead += pause // drift
    assert clock.jumps == 0


def test_f24_a_step_of_the_local_clock_invalidates_all_and_signs_no_wrong_time() -> None:
    clocks = Clocks(ahead=10 * MILLI)
    clock = clocks.made()
    clocks.trip(clock, MILLI, MILLI)
    clocks.step = 3600 * SECOND
    assert clock.look()
    assert (clock.valid, clock.steps) == (False, 1)
    # The venue's time follows the clock that nobody sets.
    assert abs(clock.now_ns() - (START + clocks.monotonic)) < SECOND
    clocks.trip(clock, MILLI, MILLI)
    assert clock.valid
    assert abs(reading_of(clock).offset_ns + 3600 * SECOND) < SECOND
    assert not clock.look()


def test_slewing_is_no_step() -> None:
    clocks = Clocks()
    clock = clocks.made()
    clocks.trip(clock, MILLI, MILLI)
    for _ in range(100):
        clocks.monotonic += SECOND
        clocks.step += STEP_NS // 10
        assert not clock.look()
    assert clock.valid


def test_a_jump_of_the_venues_clock_is_counted_and_followed() -> None:
    clocks = Clocks()
    clock = clocks.made()
    clocks.trip(clock, MILLI, MILLI)
    clocks.ahead = 3600 * SECOND
    clocks.trip(clock, MILLI, MILLI)
    assert clock.jumps == 1
    assert abs(reading_of(clock).offset_ns - 3600 * SECOND) <= 3 * MILLI
    assert 3600 * SECOND - 6 * MILLI <= reading_of(clock).least_ns <= 3600 * SECOND


def test_a_machine_that_slept_has_to_measure_again() -> None:
    clocks = Clocks()
    clock = clocks.made()
    clocks.trip(clock, MILLI, MILLI)
    clocks.step, clocks.ahead = 8 * SECOND, 8 * SECOND  # the monotonic clock stood still
    assert clock.look()
    assert not clock.valid
    clocks.trip(clock, MILLI, MILLI)
    assert abs(reading_of(clock).offset_ns) <= 3 * MILLI


def test_the_error_grows_with_the_age_of_what_is_known() -> None:
    clocks = Clocks()
    clock = clocks.made()
    clocks.trip(clock, MILLI, MILLI)
    young = reading_of(clock)
    clocks.monotonic += 100 * SECOND
    old = reading_of(clock)
    assert old.error_ns == young.error_ns + 100 * SECOND // 10_000
    assert old.at_ns == young.at_ns
