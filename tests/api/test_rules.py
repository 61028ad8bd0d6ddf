"""The rules of jobs at the front end: overlap, timeout, keep_runs, retry and callbacks, given, changed and refused."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import (
    FunctionLookupError,
    InvalidJobError,
    JobDefaults,
    NotInARunError,
    RetryPolicy,
    Run,
    UnknownOptionError,
    current_run,
)
from scheduler.executors import InlineExecutor
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.jobs import act, fail, note, one
from tests.flow.executors import HeldExecutor

HOUR = timedelta(hours=1)


def told(run):
    """A callback: write down what it is told, and do what the test wants done."""
    jobs.calls.append((run.job_id, run.state.value))
    jobs.present.get("action", lambda: None)()


def states(scheduler, job_id=None):
    return [(run.state.value, run.reason) for run in scheduler.get_runs(job_id, newest_first=False)]


# given, by default, changed


RULES = [
    ("overlap", "queue", "queue"),
    ("overlap", "cancel_running", "cancel_running"),
    ("timeout", 5, 5.0),
    ("timeout", timedelta(minutes=1), 60.0),
    ("timeout", 0.001, 0.001),
    ("keep_runs", 0, 0),
    ("keep_runs", 10, 10),
    ("retry", 2, RetryPolicy(2)),
    ("max_instances", 3, 3),
]


@pytest.mark.parametrize(("name", "value", "kept"), RULES)
def test_a_rule_is_given_with_the_job_by_default_or_later(make, url, clock, name, value, kept):
    plain, strict = make(url, clock=clock), make(url, clock=clock, job_defaults={name: value})
    assert getattr(plain.add_job(note, "interval", hours=1, id="a", **{name: value}), name) == kept
    assert getattr(strict.add_job(note, "interval", hours=1, id="b"), name) == kept
    own = getattr(JobDefaults(), name)
    assert getattr(strict.add_job(note, "interval", hours=1, id="c", **{name: own}), name) == own
    assert getattr(strict.modify_job("c", **{name: value}), name) == kept
    assert [getattr(strict.get_job(job_id), name) for job_id in "bc"] == [kept, kept]


WRONG = [
    ({"overlap": "allow"}, "overlap: 'allow' is not known; to let runs of the job overlap, pass max_instances=2"),
    ({"overlap": "que"}, "overlap: 'que' is not known; did you mean 'queue'"),
    ({"overlap": "SKIP"}, "did you mean 'skip'"),
    ({"overlap": None}, "overlap: None is not known; valid are 'cancel_running', 'queue', 'skip'"),
    ({"overlap": ["skip"]}, r"overlap: \['skip'\] is not known"),
    ({"overlap": True}, "overlap: True is not known"),
    ({"timeout": 0}, r"timeout must be None \(no limit\) or seconds above 0 up to 3\.16224e\+09, not 0"),
    ({"timeout": -1}, "timeout must be .*, not -1"),
    ({"timeout": math.nan}, "timeout must be .*, not nan"),
    ({"timeout": math.inf}, "timeout must be .*, not inf"),
    ({"timeout": 10**400}, "timeout must be .*, not 1000"),
    ({"timeout": timedelta(0)}, "timeout must be"),
    ({"timeout": timedelta.max}, "timeout must be"),
    ({"timeout": "5"}, "timeout must be .*, not '5'"),
    ({"timeout": True}, "timeout must be .*, not True"),
    ({"keep_runs": -1}, r"keep_runs must be None \(as the scheduler's History says\) or a whole number from 0, not -1"),
    ({"keep_runs": 1.5}, "keep_runs must be .*, not 1.5"),
    ({"keep_runs": True}, "keep_runs must be .*, not True"),
    ({"keep_runs": 2**31}, "keep_runs must be .*, not 2147483648"),
    ({"keep_runs": "all"}, "keep_runs must be .*, not 'all'"),
    ({"retry": -1}, "retry: max_retries must be a whole number from 0 to 1000000, not -1"),
    ({"retry": "often"}, "retry must be a RetryPolicy, a number of retries or None, not 'often'"),
]


@pytest.mark.parametrize(("rule", "message"), WRONG)
def test_a_wrong_rule_is_refused_wherever_it_is_given(make, url, clock, rule, message):
    scheduler = make(url, clock=clock)
    with pytest.raises(InvalidJobError, match=message):
        scheduler.add_job(note, id="a", **rule)
    assert scheduler.get_jobs() == []
    job = scheduler.add_job(note, "interval", hours=1, id="a")
    with pytest.raises(InvalidJobError, match=message):
        job.modify(**rule)
    assert scheduler.get_job("a").version == 1
    for defaults in (rule, JobDefaults(**rule)):
        with pytest.raises(InvalidJobError, match=message):
            make(clock=clock, job_defaults=defaults)


@pytest.mark.parametrize("name", ["on_success", "on_failure", "tags"])
def test_what_is_no_rule_has_no_default(make, name):
    with pytest.raises(UnknownOptionError, match=f"job_defaults: unknown option '{name}'"):
        make(job_defaults={name: None})


# overlap, with a run that waits for its retry as the one that is under way


def busy(scheduler, overlap):
    retry = RetryPolicy(1, delay=5_400, max_delay=5_400)
    return scheduler.add_job(fail, "interval", hours=1, id="a", overlap=overlap, retry=retry)


def test_a_fire_that_finds_no_instance_free_is_skipped_and_names_the_run_that_blocks(scheduler, passing):
    busy(scheduler, "skip")
    passing.advance(2 * HOUR)
    blocking, skipped = scheduler.get_runs("a", newest_first=False)
    assert (skipped.state.value, skipped.reason, skipped.cause) == ("SKIPPED", "overlap", blocking.id)


def test_a_fire_that_may_wait_runs_when_an_instance_is_free(scheduler, passing):
    busy(scheduler, "queue")
    passing.advance(2 * HOUR)
    assert states(scheduler, "a") == [("RETRY", None), ("PENDING", None)]
    passing.advance(HOUR / 2)
    assert states(scheduler, "a") == [("FAILURE", None), ("RETRY", None)]


def test_a_fire_may_take_the_place_of_the_run_that_is_under_way(scheduler, passing):
    busy(scheduler, "cancel_running")
    passing.advance(2 * HOUR)
    revoked, later = scheduler.get_runs("a", newest_first=False)
    assert (revoked.state.value, revoked.reason, revoked.cause) == ("REVOKED", "replaced", later.id)
    assert later.state.value == "RETRY"


# timeout


def test_an_attempt_that_takes_too_long_has_failed(make, url, clock):
    scheduler = make(url, clock=clock, executors={"default": HeldExecutor()})
    scheduler.add_job(note, id="a", timeout=60, retry=1)
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    passing.advance(59)
    assert states(scheduler, "a") == [("STARTED", None)]
    passing.advance(2)
    passing.advance(60)
    (run,) = scheduler.get_runs("a")
    assert (run.state.value, run.reason, run.attempt) == ("FAILURE", "timeout", 2)
    assert run.error == "TimeoutError: the attempt took longer than 60 seconds"


# callbacks


@pytest.mark.parametrize(
    ("func", "on", "call"),
    [
        (note, "on_success", ("a", "SUCCESS")),
        (fail, "on_failure", ("a", "FAILURE")),
        (note, "on_failure", None),
        (fail, "on_success", None),
    ],
)
@pytest.mark.parametrize("callback", [told, "tests.api.test_rules:told"], ids=["function", "reference"])
def test_a_callback_is_called_with_the_run_that_ended(scheduler, passing, func, on, call, callback):
    scheduler.add_job(func, "interval", hours=1, id="a", **{on: callback})
    passing.advance(HOUR)
    assert jobs.calls == [()] * (func is note) + [call] * (call is not None)
    assert [job.id for job in scheduler.get_jobs()] == ["a"]


def test_a_callback_is_a_run_of_its_own_that_names_the_other_one(scheduler, passing):
    scheduler.add_job(fail, id="a", on_failure=told)
    passing.settle()
    (ended,), (called,) = scheduler.get_runs("a"), scheduler.get_runs(state="SUCCESS")
    assert (ended.state.value, called.state.value, called.cause) == ("FAILURE", "SUCCESS", ended.id)
    assert called.job_id.startswith("a:on_failure:")


def test_a_callback_sees_all_of_the_run(scheduler, passing):
    scheduler.add_job(one, "interval", (41,), hours=1, id="a", on_success="tests.api.test_rules:keep")
    passing.advance(HOUR)
    (run,) = scheduler.get_runs("a")
    (kept,) = jobs.calls
    assert isinstance(kept, Run)
    assert (kept.id, kept.result, kept.finished_at) == (run.id, 42, run.finished_at)


def keep(run):
    jobs.calls.append(run)


def test_a_callback_is_called_also_where_the_result_cannot_be_stored(scheduler, passing):
    jobs.present["action"] = object
    scheduler.add_job(act, "interval", hours=1, id="a", on_success=keep)
    passing.advance(2 * HOUR)
    assert [run.state.value for run in jobs.calls] == ["SUCCESS"] * 2


def test_only_the_last_attempt_calls(scheduler, passing):
    scheduler.add_job(fail, id="a", retry=RetryPolicy(2, delay=60), on_failure=told)
    passing.advance(60)
    assert jobs.calls == []
    passing.advance(60)
    assert jobs.calls == [("a", "FAILURE")]


def test_a_callback_that_fails_is_tried_again_as_the_job_would_be(scheduler, passing):
    scheduler.add_job(note, id="a", on_success=told, retry=2)
    jobs.present["action"] = fail
    passing.settle()
    assert jobs.calls == [(), *[("a", "SUCCESS")] * 3]
    (called,) = scheduler.get_runs(state="FAILURE")
    assert (called.state.value, called.attempt, len(called.attempts)) == ("FAILURE", 3, 2)


def test_a_callback_calls_none_itself(scheduler, passing):
    scheduler.add_job(note, id="a", on_success=told, on_failure=told)
    jobs.present["action"] = fail
    passing.settle()
    assert jobs.calls == [(), ("a", "SUCCESS")]


def test_a_callback_is_taken_away_by_none(scheduler, passing):
    job = scheduler.add_job(note, "interval", hours=1, id="a", on_success=told, on_failure="tests.api.test_rules:told")
    changed = job.modify(on_success=None)
    assert (changed.on_success, changed.on_failure) == (None, "tests.api.test_rules:told")
    passing.advance(HOUR)
    assert jobs.calls == [()]
    job.modify(on_success=told)
    passing.advance(HOUR)
    assert jobs.calls == [(), (), ("a", "SUCCESS")]


WRONG_CALLBACKS = [
    (5, InvalidJobError, 'must be a callable or a reference "package.module:qualified.name", not 5'),
    ("tests.api.jobs:nothing", FunctionLookupError, "'tests.api.jobs:nothing': .* has no"),
    ("tests.api.jobs.note", FunctionLookupError, "'tests.api.jobs.note' is not a reference"),
    (fail, InvalidJobError, "<function fail .* cannot be called with one argument, the Run that ended; give it one"),
    ("tests.api.jobs:fail", InvalidJobError, "cannot be called with one argument"),
]


@pytest.mark.parametrize("name", ["on_success", "on_failure"])
@pytest.mark.parametrize(("value", "error", "message"), WRONG_CALLBACKS)
def test_a_wrong_callback_is_named_with_its_argument(scheduler, name, value, error, message):
    with pytest.raises(error, match=f"^{name}: .*{message}|^{name} {message}"):
        scheduler.add_job(note, id="a", **{name: value})
    assert scheduler.get_jobs() == []
    job = scheduler.add_job(note, "interval", hours=1, id="a")
    with pytest.raises(error, match=f"^{name}"):
        job.modify(**{name: value})
    assert scheduler.get_job("a").version == 1


@pytest.mark.parametrize("name", ["on_success", "on_failure"])
def test_a_database_takes_only_callbacks_that_can_be_found_again(make, sqlite_url, clock, name):
    scheduler = make(sqlite_url, clock=clock, jobstores={"memory": None})
    with pytest.raises(FunctionLookupError, match=f"^{name}: a lambda has no name by which it can be imported"):
        scheduler.add_job(note, id="a", **{name: lambda run: None})
    assert scheduler.get_jobs() == []
    scheduler.add_job(note, jobstore="memory", **{name: lambda run: None})


class Choosy(InlineExecutor):
    """Takes only what it likes."""

    def check(self, func, options):
        if func is told:
            raise InvalidJobError("func: told is not to my taste")


def test_the_executor_of_the_job_has_a_say_about_its_callbacks(make, clock):
    scheduler = make(clock=clock, executors={"choosy": Choosy()})
    with pytest.raises(InvalidJobError, match="on_success: told is not to my taste"):
        scheduler.add_job(note, executor="choosy", on_success=told)
    job = scheduler.add_job(note, "interval", hours=1, on_success=told)
    with pytest.raises(InvalidJobError, match="on_success: told is not to my taste"):
        job.modify(executor="choosy")
    plain = scheduler.add_job(note, "interval", hours=1, executor="choosy")
    with pytest.raises(InvalidJobError, match="on_failure: told is not to my taste"):
        plain.modify(on_failure=told)


def test_a_callback_may_be_a_coroutine_function(scheduler, passing):
    scheduler.add_job(note, id="a", on_success=awaited)
    passing.settle()
    assert jobs.calls == [(), "SUCCESS"]


async def awaited(run):
    jobs.calls.append(run.state.value)


# a job that meddles with itself while it runs


def act_in(scheduler, action, **options):
    """Add a job that does this and returns nothing."""
    jobs.present["action"] = lambda: [action(), None][1]
    return scheduler.add_job(act, "interval", hours=1, id="a", **options)


def test_a_job_may_remove_itself(scheduler, passing):
    act_in(scheduler, lambda: scheduler.remove_job("a"), on_success=told)
    passing.advance(3 * HOUR)
    assert states(scheduler, "a") == [("SUCCESS", None)]
    assert scheduler.get_jobs() == []


def test_a_job_that_removes_itself_and_fails_is_not_tried_again(scheduler, passing):
    def action():
        scheduler.remove_job("a")
        fail()

    act_in(scheduler, action, retry=RetryPolicy(3, delay=60))
    passing.advance(3 * HOUR)
    assert states(scheduler, "a") == [("REVOKED", "removed")]


def test_a_job_may_change_itself_and_what_runs_goes_by_the_old_rules(scheduler, passing):
    def action():
        scheduler.modify_job("a", retry=None, name="changed")
        if len(scheduler.get_runs("a")) == 1:
            fail()

    act_in(scheduler, action, retry=RetryPolicy(1, delay=60))
    passing.advance(HOUR)
    assert states(scheduler, "a") == [("RETRY", None)]
    assert scheduler.get_job("a").name == "changed"


def test_a_job_may_reschedule_itself(scheduler, passing):
    act_in(scheduler, lambda: scheduler.reschedule_job("a", trigger="interval", hours=5))
    passing.advance(timedelta(hours=11.5))
    assert [run.scheduled_time.hour for run in scheduler.get_runs("a", newest_first=False)] == [1, 6, 11]


def test_a_job_may_pause_itself(scheduler, passing):
    act_in(scheduler, lambda: scheduler.pause_job("a"))
    passing.advance(5 * HOUR)
    assert states(scheduler, "a") == [("SUCCESS", None)]
    assert scheduler.get_job("a").paused


def test_a_job_may_replace_itself_and_goes_on_as_the_new_one(scheduler, passing):
    act_in(scheduler, lambda: scheduler.add_job(note, "interval", ("new",), hours=1, id="a", replace_existing=True))
    passing.advance(2 * HOUR)
    assert (states(scheduler, "a"), jobs.calls) == ([("SUCCESS", None)] * 2, [("new",)])


def test_a_job_may_add_jobs(scheduler, passing):
    act_in(scheduler, lambda: scheduler.add_job(note, id=f"child {len(jobs.calls)}"))
    passing.advance(2 * HOUR)
    assert jobs.calls == [(), ()]
    assert states(scheduler) == [("SUCCESS", None)] * 4


def test_a_one_shot_job_may_add_itself_again(scheduler, passing):
    def action():
        scheduler.add_job(note, "date", run_date=datetime(2024, 1, 2, tzinfo=UTC), id="a", replace_existing=True)

    jobs.present["action"] = action
    scheduler.add_job(act, id="a")
    passing.advance(timedelta(days=2))
    assert states(scheduler, "a") == [("SUCCESS", None)] * 2
    assert jobs.calls == [()]


def test_a_run_whose_job_is_removed_calls_its_callback_all_the_same(make, url, clock):
    held = HeldExecutor()
    scheduler = make(url, clock=clock, executors={"default": held})
    job = scheduler.add_job(note, "interval", hours=1, id="a", on_success=told)
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    passing.advance(HOUR)
    job.remove()
    held.finish()
    passing.settle()
    held.finish()
    passing.settle()
    assert jobs.calls == [(), ("a", "SUCCESS")]


def test_there_is_no_run_and_no_progress_outside_of_one():
    with pytest.raises(NotInARunError):
        current_run().progress(1, 2)
