"""Rings of jobs that follow each other, refused in every way to close one; and chains in exports."""

import io
import json
from itertools import pairwise

import pytest

from scheduler import InvalidJobError, JobDefinition, JobLookupError, SchedulerError
from scheduler.triggers import AfterTrigger
from tests.api.jobs import note


@pytest.fixture
def etl(scheduler):
    return scheduler.add_job(note, "interval", hours=1, id="etl")


def ring(*names):
    return "would fire after itself: " + " after ".join(f"'{name}'" for name in names) + "; let one of them"


def test_a_job_cannot_follow_itself(scheduler, etl):
    with pytest.raises(InvalidJobError, match="job 'x' " + ring("x", "x")):
        scheduler.add_job(note, "after", job_id="x", id="x")
    with pytest.raises(InvalidJobError, match=ring("etl", "etl")):
        scheduler.reschedule_job("etl", trigger=AfterTrigger("etl"))


CLOSE = {
    "reschedule": lambda scheduler: scheduler.reschedule_job("etl", trigger=AfterTrigger("c")),
    "modify": lambda scheduler: scheduler.modify_job("etl", trigger=AfterTrigger("c")),
    "replace": lambda scheduler: scheduler.add_job(note, "after", job_id="c", id="etl", replace_existing=True),
}


@pytest.mark.parametrize("close", CLOSE.values(), ids=CLOSE)
def test_a_ring_is_refused_and_named_whatever_would_close_it(scheduler, etl, close):
    scheduler.add_job(note, "after", job_id="etl", id="b")
    scheduler.add_job(note, "after", job_id="b", id="c")
    before = scheduler.get_jobs()
    with pytest.raises(InvalidJobError, match=ring("etl", "c", "b", "etl")):
        close(scheduler)
    assert scheduler.get_jobs() == before


def test_jobs_that_are_added_together_cannot_form_a_ring(scheduler):
    with pytest.raises(InvalidJobError, match=ring("a", "b", "a")):
        scheduler.add_jobs(JobDefinition(note, "after", id=a, job_id=b) for a, b in ("ab", "ba"))
    assert scheduler.get_jobs() == []


def test_a_removed_job_that_comes_back_cannot_close_a_ring(scheduler, etl):
    scheduler.add_job(note, "after", job_id="etl", id="load")
    scheduler.remove_job("etl")
    with pytest.raises(InvalidJobError, match=ring("etl", "load", "etl")):
        scheduler.add_job(note, "after", job_id="load", id="etl")


def test_two_calls_at_once_cannot_close_a_ring_together(scheduler, etl, monkeypatch):
    """Between the check and the writing of one call comes another that the check has not seen."""
    store = scheduler.engine.links["default"].store
    write, other = store.write_jobs, scheduler.add_job(note, "interval", hours=1, id="b")

    def write_later(**jobs):
        monkeypatch.undo()
        other.reschedule(AfterTrigger("etl"))
        write(**jobs)

    monkeypatch.setattr(store, "write_jobs", write_later)
    with pytest.raises(InvalidJobError, match=ring("etl", "b", "etl")):
        scheduler.reschedule_job("etl", trigger=AfterTrigger("b"))
    assert (scheduler.get_job("etl").follows, scheduler.get_job("b").follows) == (None, "etl")


def test_a_long_chain_is_no_trouble_and_a_long_ring_is_shown_in_short(scheduler, etl):
    names = ["etl", *(f"j{number}" for number in range(3_000))]
    chain = [JobDefinition(note, "after", id=b, job_id=a) for a, b in pairwise(names)]
    scheduler.add_jobs(reversed(chain))
    with pytest.raises(InvalidJobError, match=r"'etl' after 'j2999' after .* after … after 'etl'; let") as error:
        scheduler.reschedule_job("etl", trigger=AfterTrigger(names[-1]))
    assert len(str(error.value)) < 400


# export and import


def test_a_chain_goes_through_an_export(make, url, sqlite_url, clock):
    source, target = make(url, clock=clock), make(f"{sqlite_url}2", clock=clock)
    source.add_job(note, "interval", hours=1, id="z")
    source.add_job(note, "after", job_id="z", on="any", id="b")
    source.add_job(note, "after", job_id="b", id="a").pause()
    out = io.StringIO()
    source.export_jobs(out)
    imported = {job.id: job for job in target.import_jobs(io.StringIO(out.getvalue()))}
    assert {job_id: (job.trigger, job.paused) for job_id, job in imported.items()} == {
        job.id: (job.trigger, job.paused) for job in source.get_jobs()
    }


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda jobs: jobs["b"]["trigger"].update(job_id="nobody"), JobLookupError, "has the id 'nobody'; job 'b'"),
        (lambda jobs: jobs["b"]["trigger"].update(job_id="b"), InvalidJobError, ring("b", "b")),
        (lambda jobs: jobs["b"]["trigger"].update(job_id="c"), InvalidJobError, ring("b", "c", "b")),
        (
            lambda jobs: jobs["b"].update(next_run_time="2030-01-01T00:00:00+00:00"),
            InvalidJobError,
            r"jobs\[\d\]: job 'b' fires after job 'a' and has the next run time 2030.*; set next_run_time to null",
        ),
        (lambda jobs: jobs["b"]["trigger"].update(on="sometimes"), SchedulerError, "on: 'sometimes'"),
    ],
)
def test_a_chain_that_is_not_right_is_not_imported(make, url, clock, change, error, message):
    scheduler = make(url, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.add_job(note, "after", job_id="a", id="b")
    scheduler.add_job(note, "after", job_id="b", id="c")
    out = io.StringIO()
    scheduler.export_jobs(out)
    scheduler.remove_all_jobs()
    document = json.loads(out.getvalue())
    change({job["id"]: job for job in document["jobs"]})
    with pytest.raises(error, match=message):
        scheduler.import_jobs(io.StringIO(json.dumps(document)))
    assert scheduler.get_jobs() == []


def test_an_imported_follower_may_follow_what_is_there_already(make, clock):
    source, target = make(clock=clock), make(clock=clock)
    source.add_job(note, "interval", hours=1, id="a")
    source.add_job(note, "after", job_id="a", id="b")
    out = io.StringIO()
    source.export_jobs(out)
    document = json.loads(out.getvalue())
    document["jobs"] = [job for job in document["jobs"] if job["id"] == "b"]
    target.add_job(note, "interval", hours=1, id="a")
    (imported,) = target.import_jobs(io.StringIO(json.dumps(document)))
    assert imported.follows == "a"
