"""What tests of schedules, stores and executors need: a clock that stands still, its driver, and contract suites."""

from scheduler.testing.clock import FakeClock
from scheduler.testing.virtual import VirtualTime

__all__ = ["FakeClock", "VirtualTime"]
