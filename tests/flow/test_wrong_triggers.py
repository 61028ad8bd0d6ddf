"""Triggers that break the contract while they are in use: the job is broken, says why, and delays nobody."""

from datetime import timedelta

import pytest

from scheduler import RunState
from scheduler.triggers import Span, Trigger
from tests.flow.functions import note
from tests.flow.world import at

STEP = timedelta(seconds=10)


class Sound(Trigger):
    """Fires every ten seconds until a minute has passed, and then turns into the class that a test names."""

    turned = False

    def next(self, after):
        if after >= at(60):
            type(self).turned = True
            return self.wrong(after)
        return at(0) + ((after - at(0)) // STEP + 1) * STEP


class Raising(Sound):
    def wrong(self, after):
        raise ZeroDivisionError("not today")


class Naive(Sound):
    def wrong(self, after):
        return (after + STEP).replace(tzinfo=None)


class Backwards(Sound):
    def wrong(self, after):
        return after - STEP


class Stuck(Sound):
    def wrong(self, after):
        return at(60)


class NoTime(Sound):
    def wrong(self, after):
        return "soon"


class Exiting(Sound):
    def wrong(self, after):
        raise SystemExit(1)


class Overcounting(Sound):
    """Counts more than any database has room for."""

    def span(self, first, until, walk):
        if until < at(60):
            return super().span(first, until, walk)
        type(self).turned = True
        return Span(first, 10**30, None)


class Unborn(Overcounting):
    """Counts nothing, up to a time that is past."""

    def span(self, first, until, walk):
        return super().span(first, until, walk)._replace(last=first - STEP, count=0)


@pytest.mark.parametrize("world", ["memory"], indirect=True)
@pytest.mark.parametrize("downtime", [0, 300], ids=["in time", "late"])
@pytest.mark.parametrize("trigger", [Overcounting(), Unborn()], ids=lambda t: type(t).__name__)
def test_a_trigger_that_miscounts_breaks_its_own_job_and_no_other(world, calls, monkeypatch, trigger, downtime):
    monkeypatch.setattr(type(trigger), "turned", False)
    scheduler = world.scheduler()
    scheduler.add_job(note, trigger, id="wrong")
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(30)
    world.clock.advance(downtime)
    world.advance(100)
    [broken] = scheduler.get_jobs(broken=True)
    assert "it must give a Span" in broken.broken or "gave Span" in broken.broken
    assert world.runs("healthy")[-1].scheduled_time == at(130 + downtime)


@pytest.mark.parametrize("world", ["memory"], indirect=True)
@pytest.mark.parametrize("downtime", [0, 300], ids=["in time", "late"])
@pytest.mark.parametrize("options", [{}, {"coalesce": False}, {"misfire_grace_time": 25}], ids=str)
@pytest.mark.parametrize(
    "trigger", [Raising(), Naive(), Backwards(), Stuck(), NoTime(), Exiting()], ids=lambda t: type(t).__name__
)
def test_a_trigger_that_goes_wrong_breaks_its_own_job_and_no_other(
    world, calls, monkeypatch, trigger, options, downtime
):
    monkeypatch.setattr(type(trigger), "turned", False)
    scheduler = world.scheduler()
    scheduler.add_job(note, trigger, id="wrong", **options)
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(30)
    world.clock.advance(downtime)
    world.advance(100)
    assert type(trigger).turned
    [broken] = scheduler.get_jobs(broken=True)
    assert broken.id == "wrong"
    assert "trigger" in broken.broken
    assert {run.state for run in world.runs("wrong")} <= {RunState.SUCCESS, RunState.SKIPPED}
    assert max(run.scheduled_time for run in world.runs("wrong")) <= at(60)
    assert world.runs("healthy")[-1].scheduled_time == at(130 + downtime)
    assert scheduler.running
