"""The after trigger: no times, only the ends of another job."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.core.call import ENDS
from scheduler.errors import InvalidTriggerError
from scheduler.serialization import TriggerCodec
from scheduler.testing import TriggerLaws
from scheduler.triggers import AfterTrigger, AndTrigger, CronTrigger, ExcludingTrigger, OrTrigger, Trigger
from scheduler.triggers.after import ONS

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
AFTER = AfterTrigger("etl")


class TestLaws(TriggerLaws):
    """All but one, as it never fires by the time."""

    triggers = (AfterTrigger("etl"), AfterTrigger("etl", "failure"), AfterTrigger("ä☂" * 100, on="any"))
    test_each_sample_fires_within_the_window = None  # type: ignore[assignment]


def test_it_names_the_job_that_it_follows() -> None:
    assert (AFTER.job_id, AFTER.on, AFTER.follows) == ("etl", "success", "etl")
    assert CronTrigger(hour=9).follows is None


def test_it_has_no_fire_times() -> None:
    assert (AFTER.next(NOON), AFTER.previous(NOON), AFTER.first(NOON)) == (None, None, None)
    assert AFTER.fire_times(NOON, NOON + timedelta(days=999)) == AFTER.fire_times(NOON, limit=5) == []


def test_it_is_a_value() -> None:
    assert AfterTrigger("etl", on="success") == AFTER
    assert len({AFTER, AfterTrigger("etl"), AfterTrigger("etl", "any"), AfterTrigger("load")}) == 3
    assert (AFTER.anchored(NOON), AFTER.definition(), AFTER.jitter) == (AFTER, AFTER, None)


def test_it_is_readable_at_rest() -> None:
    trigger = AfterTrigger("etl", "failure")
    stored = TriggerCodec().encode(trigger)
    assert stored == {"kind": "after", "version": 1, "job_id": "etl", "on": "failure"}
    assert TriggerCodec().decode(json.loads(json.dumps(stored))) == trigger
    assert TriggerCodec().decode({"kind": "after", "job_id": "etl"}) == AFTER
    assert str(trigger) == "after[etl failure]"
    assert repr(trigger) == "AfterTrigger(job_id='etl', on='failure')"


def test_each_way_to_end_means_states_that_end_a_run() -> None:
    assert set(ONS) == set(ENDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("",), "job_id: '' is not the id of a job, a text of 1 to 255 characters"),
        ((None,), "job_id: None is not the id"),
        (("x" * 256,), "job_id: 'xxx"),
        ((7,), "job_id: 7"),
        (("a\0",), r"job_id: 'a\\x00' must not contain NUL"),
        (("\ud800",), "must not contain NUL or unpaired surrogates"),
        (("etl", "sucess"), "on: 'sucess' is not how a run ends; did you mean 'success'?"),
        (("etl", "FAILURE"), "did you mean 'failure'?"),
        (("etl", "retry"), "on: 'retry' is not how a run ends; valid are 'any', 'failure', 'success'"),
        (("etl", None), "on: None"),
        (("etl", ["success"]), r"on: \['success'\]"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        AfterTrigger(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "after trigger: the key 'job_id' is missing"),
        ({"job": "etl"}, "after trigger: unknown key 'job'; did you mean 'job_id'?"),
        ({"job_id": ["etl"]}, "job_id: "),
        ({"job_id": "etl", "on": None}, "on: None"),
        ([], r"after trigger: \[\] is not a JSON object"),
    ],
)
def test_other_json_is_refused(data: object, words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        AfterTrigger.from_json(data)  # type: ignore[arg-type]


DAILY = CronTrigger(hour=9)


@pytest.mark.parametrize(
    "combine",
    [
        lambda: OrTrigger([DAILY, AFTER]),
        lambda: AndTrigger([AFTER]),
        lambda: ExcludingTrigger(AFTER, dates=["2024-05-01"], timezone="UTC"),
        lambda: ExcludingTrigger(DAILY, triggers=[AFTER]),
        lambda: ExcludingTrigger(DAILY, ranges=[(AFTER, timedelta(hours=1))]),
    ],
)
def test_it_cannot_be_combined_with_times(combine: type[Trigger]) -> None:
    with pytest.raises(InvalidTriggerError, match=r"AfterTrigger\(.*\) fires when another job ends and has no times"):
        combine()


@pytest.mark.parametrize("instant", [datetime(2024, 5, 1), "2024-05-01", None])
def test_an_instant_without_zone_is_refused(instant: object) -> None:
    for ask in (AFTER.next, AFTER.previous, AFTER.first):
        with pytest.raises(InvalidTriggerError, match="aware"):
            ask(instant)  # type: ignore[arg-type]
