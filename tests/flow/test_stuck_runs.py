"""Nothing stays open for ever: queues are worked off, jobs that have ended go, whatever happened in between."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest

from scheduler import InvalidTriggerError, RunRevoked, RunStarted, RunState
from scheduler.core.plan import CATCH_UP
from scheduler.core.settle import Ending, Outcome
from scheduler.executors import InlineExecutor
from scheduler.triggers import CronTrigger, DateTrigger, OrTrigger, Trigger
from tests.flow.executors import HeldExecutor
from tests.flow.functions import note
from tests.flow.world import START, accounted, at, memory_world

on_both = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)

OPEN = {RunState.PENDING, RunState.STARTED, RunState.RETRY}


def open_runs(world):
    return [run for run in world.runs() if run.state in OPEN]


@on_both
def test_a_queue_is_worked_off_though_its_job_was_told_to_coalesce_meanwhile(world, calls):
    world.client.add_job(note, "interval", seconds=10, id="job", coalesce=False)
    world.clock.advance(60)
    executor = HeldExecutor()
    scheduler = world.scheduler(executors={"default": executor})
    world.advance(0)
    assert [run.state for run in open_runs(world)] == [RunState.STARTED] + [RunState.PENDING] * 5
    scheduler.modify_job("job", coalesce=True, next_run_time=at(10_000))
    for _ in range(6):
        executor.finish()
        world.advance(0)
    assert open_runs(world) == []
    assert len(calls) == 6


@on_both
def test_a_queue_is_worked_off_though_its_first_run_is_on_record_already(world, calls):
    world.client.add_job(note, "interval", seconds=10, id="job", coalesce=False, start_date=START)
    scheduler = world.scheduler()
    world.advance(0)
    assert len(calls) == 1
    world.clock.advance(5)
    world.clock.jump_to(at(-30))
    scheduler.reschedule_job("job", trigger="interval", seconds=10, start_date=at(-20))
    world.clock.advance(65)
    world.advance(0)
    world.advance(0)
    assert open_runs(world) == []
    assert len({run.id for run in world.runs()}) == len(world.runs())


@on_both
def test_a_date_that_is_resumed_after_it_has_run_ends_its_job(world, calls):
    executor = HeldExecutor()
    scheduler = world.scheduler(executors={"default": executor})
    scheduler.add_job(note, "date", run_date=at(10), id="job")
    world.advance(10)
    scheduler.pause_job("job")
    executor.finish()
    world.advance(0)
    scheduler.resume_job("job")
    world.advance(0)
    assert scheduler.get_job("job") is None
    assert world.states("job") == [RunState.SUCCESS]


@on_both
def test_a_listener_that_is_cancelled_keeps_no_run_from_being_called(world, calls):
    def cancelled(event):
        raise asyncio.CancelledError

    scheduler = world.scheduler()
    scheduler.add_listener(cancelled)
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(20)
    assert len(calls) == 2
    assert world.states("job") == [RunState.SUCCESS] * 2


@on_both
def test_an_executor_that_cannot_tell_its_room_holds_up_no_other(world, calls, caplog):
    class Unwell(InlineExecutor):
        well = False

        def free_room(self):
            if not self.well:
                raise ZeroDivisionError("no room, or too much")
            return super().free_room()

    unwell = Unwell()
    scheduler = world.scheduler(executors={"unwell": unwell})
    scheduler.add_job(note, "date", run_date=at(5), args=("unwell",), executor="unwell")
    scheduler.add_job(note, "interval", seconds=10, args=("well",))
    world.advance(20)
    assert calls == [("well",)] * 2
    assert caplog.text.count("cannot tell its room") == 1
    unwell.well = True
    world.advance(10)
    assert calls.count(("unwell",)) == 1


@on_both
def test_the_waiting_runs_of_a_removed_job_are_revoked_and_told(world, calls):
    revoked = []
    world.client.add_listener(revoked.append, RunRevoked)
    world.client.add_job(note, "interval", seconds=10, id="job", coalesce=False)
    world.clock.advance(30)
    world.scheduler(executors={"default": HeldExecutor()})
    world.advance(0)
    world.client.remove_job("job")
    assert [event.run.scheduled_time for event in revoked] == [at(20), at(30)]
    assert {event.run.reason for event in revoked} == {"removed"}


@on_both
def test_many_late_jobs_share_what_one_turn_may_walk_through(world, calls):
    walked = OrTrigger([CronTrigger(second="*", timezone="UTC"), DateTrigger(START)])
    for number in range(5):
        world.client.add_job(note, walked, id=f"job-{number}")
    world.clock.advance(CATCH_UP)
    scheduler = world.scheduler()
    booked = [0]
    while not calls or accounted(world.runs(), "job-4") < CATCH_UP:
        scheduler.engine.step()
        world.clock.advance(0.02)
        booked.append(sum(run.count for run in world.runs()))
    assert max(after - before for before, after in itertools.pairwise(booked)) <= CATCH_UP + 5


@on_both
def test_what_ends_is_told_after_what_started(world, calls):
    told = []
    scheduler = world.scheduler()
    scheduler.add_listener(lambda event: told.append((type(event).__name__, event.run.state)), RunStarted)
    scheduler.add_job(note, "date", run_date=at(5))
    world.advance(10)
    assert told == [("RunStarted", RunState.STARTED)]


@dataclass(frozen=True, slots=True)
class StuckTrigger(Trigger):
    """Gives one and the same instant for ever, or what else it is told to."""

    kind: ClassVar[str] = "stuck"
    answer: object = at(10)

    def next(self, after):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer if after >= START else at(5)

    def first(self, at_):
        return at(5)

    def to_json(self):
        return {}

    @classmethod
    def from_json(cls, data):
        return cls()


@pytest.mark.parametrize("coalesce", [True, False])
@pytest.mark.parametrize(
    "answer",
    [at(5), at(1), at(20).astimezone(ZoneInfo("Asia/Tokyo")), at(20).replace(tzinfo=None), "soon", SystemExit("no")],
    ids=["the same", "an earlier", "not in UTC", "naive", "text", "SystemExit"],
)
def test_a_trigger_that_does_not_move_on_is_broken_and_delays_nobody(calls, answer, coalesce):
    world = memory_world()
    scheduler = world.scheduler()
    scheduler.add_job(note, StuckTrigger(answer), args=("stuck",), id="stuck", coalesce=coalesce)
    scheduler.add_job(note, "interval", seconds=10, args=("sound",), id="sound")
    world.advance(60)
    assert calls == [("sound",)] * 6
    (broken,) = scheduler.get_jobs(broken=True)
    assert "its trigger raised" in broken.broken


@on_both
@pytest.mark.parametrize("answer", [at(5).replace(tzinfo=None), at(5).astimezone(ZoneInfo("Asia/Tokyo")), "soon", 5])
def test_a_trigger_whose_first_fire_is_no_instant_in_utc_is_refused_and_nothing_is_stored(world, calls, answer):
    class Wrong(StuckTrigger):
        __slots__ = ()

        def first(self, at_):
            return answer

    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10, id="sound")
    with pytest.raises(InvalidTriggerError, match="UTC"):
        scheduler.add_job(note, Wrong(), id="wrong")
    world.advance(20)
    assert len(calls) == 2
    assert scheduler.get_job("wrong") is None


@on_both
@pytest.mark.parametrize("wrong", [{"error": ValueError("x")}, {"ending": "bogus"}], ids=["error", "ending"])
def test_a_malformed_outcome_of_a_run_is_its_failure(world, calls, wrong):
    class Sloppy(InlineExecutor):
        def start(self, done, clock):
            super().start(lambda outcome: done(outcome._replace(**wrong)), clock)

    scheduler = world.scheduler(executors={"default": Sloppy()})
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(20)
    assert world.states("job") == [RunState.FAILURE] * 2
    assert "which is no outcome" in world.runs("job")[0].error


@on_both
@pytest.mark.parametrize("garbage", [None, "done", Outcome([], Ending.RETURNED), Outcome("x", Ending.RAISED, error=5)])
def test_what_an_executor_reports_that_is_no_outcome_disturbs_nobody(world, calls, caplog, garbage):
    class Babbling(InlineExecutor):
        def start(self, done, clock):
            self.babble = done
            super().start(done, clock)

        def submit(self, calls):
            self.babble(garbage)
            super().submit(calls)

    scheduler = world.scheduler(executors={"default": Babbling()})
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(20)
    assert world.states("job") == [RunState.SUCCESS] * 2
    assert "no outcome" in caplog.text


@on_both
def test_a_store_object_that_another_scheduler_closed_is_opened_again(world, calls):
    store = world.store()
    first, second = world.scheduler(store), world.scheduler(store)
    first.add_job(note, "interval", seconds=10, id="job")
    world.advance(10)
    second.shutdown()
    world.advance(20)
    assert len(calls) == 3
