"""What tests of schedules, stores and executors need: a clock that stands still, its driver, and contract suites."""

from scheduler.testing.clock import FakeClock
from scheduler.testing.executor_contract import ExecutorContract
from scheduler.testing.jobstore_contract import JobStoreContract
from scheduler.testing.trigger_laws import TriggerLaws
from scheduler.testing.virtual import VirtualTime

__all__ = ["ExecutorContract", "FakeClock", "JobStoreContract", "TriggerLaws", "VirtualTime"]
