"""A job as a document, whole or part by part: readable, exact, and refused where it is not what was written."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from scheduler.core.job import Job
from scheduler.core.retry import RetryPolicy
from scheduler.errors import FunctionLookupError, InvalidTriggerError, SerializationError
from scheduler.serialization import FORMAT, JobCodec, TriggerCodec, ValueCodec, check_format
from scheduler.serialization.jobs import PARTS
from scheduler.triggers import AfterTrigger, DateTrigger, IntervalTrigger

START = datetime(2025, 1, 1, tzinfo=UTC)
CODEC = JobCodec(ValueCodec(), TriggerCodec())

SMALL = Job(id="small", func="builtins:print", trigger=DateTrigger(START), incarnation="1")
FULL = Job(
    id="full",
    func="no_such_module:send",
    trigger=IntervalTrigger(minutes=5, start_date=START),
    args=(1, "naïve", START, (2, 3)),
    kwargs={"amount": Decimal("1.10"), "to": ["a", "b"]},
    name="Full of everything",
    executor="slow",
    next_run_time=START + timedelta(microseconds=5),
    paused=False,
    misfire_grace_time=30,
    coalesce=False,
    max_instances=3,
    retry=RetryPolicy(max_retries=2, delay=1.5, backoff=2, on=("OSError",)),
    tags=("nightly", "mail"),
    executor_options={"queue": "mail"},
    incarnation="abc",
    version=7,
)
LIVELY = replace(
    FULL,
    id="lively",
    overlap="cancel_running",
    timeout=1.5,
    keep_runs=0,
    on_success="no_such_module:celebrate",
    on_failure="no_such_module:Class.mourn",
)
PAUSED = replace(SMALL, id="paused", paused=True, retry=RetryPolicy())
DELAYED = replace(SMALL, id="delayed", jitter=1.5)
FOLLOWER = replace(SMALL, id="follower", trigger=AfterTrigger("small", on="any"), overlap="queue")

JOBS = pytest.mark.parametrize("job", [SMALL, FULL, LIVELY, PAUSED, DELAYED, FOLLOWER], ids=lambda job: job.id)


def document(**changes):
    return {**CODEC.encode(FULL), **changes}


@JOBS
def test_a_job_comes_back_from_its_document_without_an_import(job):
    written = json.loads(json.dumps(CODEC.encode(job), ensure_ascii=False))
    assert CODEC.decode(written) == job
    assert "no_such_module" not in sys.modules


@JOBS
def test_a_job_comes_back_from_its_parts(job):
    texts = CODEC.dump_parts(job)
    assert tuple(sorted(texts)) == tuple(sorted(PARTS))
    parts = CODEC.load_parts(texts)
    assert replace(job, **parts) == job
    assert parts.keys() == {field for field in Job.__dataclass_fields__ if field in parts}
    assert Job(id="x", func="a:b", **parts).args == job.args


@JOBS
def test_the_parts_are_the_same_in_documents_and_in_columns(job):
    written = CODEC.encode(job)
    assert {name: json.loads(text) for name, text in CODEC.dump_parts(job).items()} == {
        name: written[name] for name in PARTS
    }


def test_a_person_can_read_the_document():
    written = document()
    assert {name: written[name] for name in written if name not in ("args", "trigger")} == {
        "format": FORMAT,
        "id": "full",
        "name": "Full of everything",
        "func": "no_such_module:send",
        "kwargs": {"amount": {"$type": "Decimal", "value": "1.10"}, "to": ["a", "b"]},
        "executor": "slow",
        "next_run_time": "2025-01-01T00:00:00.000005+00:00",
        "paused": False,
        "tags": ["nightly", "mail"],
        "rules": {
            "misfire_grace_time": 30,
            "coalesce": False,
            "max_instances": 3,
            "retry": {
                "max_retries": 2,
                "delay": 1.5,
                "backoff": 2.0,
                "max_delay": 3600.0,
                "jitter": 0.0,
                "on": ["OSError"],
            },
        },
        "executor_options": {"queue": "mail"},
        "incarnation": "abc",
        "version": 7,
    }
    assert written["trigger"]["kind"] == "interval"


def test_jitter_is_written_only_where_it_is_set_so_that_releases_without_it_read_all_other_jobs():
    assert "jitter" not in document()["rules"]
    assert CODEC.encode(DELAYED)["rules"]["jitter"] == 1.5


def test_rules_of_later_releases_are_written_only_where_they_are_set_so_that_earlier_ones_read_all_other_jobs():
    set_rules = {"overlap", "timeout", "keep_runs", "on_success", "on_failure"}
    assert set_rules & document()["rules"].keys() == set()
    written = CODEC.encode(LIVELY)["rules"]
    assert {name: written[name] for name in set_rules} == {
        "overlap": "cancel_running",
        "timeout": 1.5,
        "keep_runs": 0,
        "on_success": "no_such_module:celebrate",
        "on_failure": "no_such_module:Class.mourn",
    }
    for name in set_rules:
        one = CODEC.encode(replace(FULL, **{name: getattr(LIVELY, name)}))["rules"]
        assert one.keys() - document()["rules"].keys() == {name}


@pytest.mark.parametrize(("stored", "timeout"), [(None, None), (30, 30.0), (0.5, 0.5)])
def test_a_timeout_that_a_hand_wrote_is_read_as_one_that_is_given(stored, timeout):
    read = CODEC.decode(document(**rules(timeout=stored))).timeout
    assert (read, type(read)) == (timeout, type(timeout))


@pytest.mark.parametrize("name", ["on_success", "on_failure"])
@pytest.mark.parametrize("write", [CODEC.encode, CODEC.dump_parts], ids=["document", "parts"])
def test_a_callback_without_a_reference_is_refused_and_named(write, name):
    assert CODEC.encode(replace(FULL, **{name: print}))["rules"][name] == "builtins:print"
    with pytest.raises(FunctionLookupError, match=f"^{name}: a lambda has no name by which it can be imported"):
        write(replace(FULL, **{name: lambda run: None}))


@pytest.mark.parametrize(("stored", "jitter"), [(None, None), (0, None), (30, 30.0), (0.5, 0.5)])
def test_a_jitter_that_a_hand_wrote_is_read_as_one_that_is_given(stored, jitter):
    read = CODEC.decode(document(**rules(jitter=stored))).jitter
    assert (read, type(read)) == (jitter, type(jitter))


def test_a_document_is_read_for_the_store_that_reads_it():
    assert CODEC.decode(document(), "archive") == replace(FULL, jobstore="archive")


def test_an_instant_with_another_offset_is_read_in_utc():
    read = CODEC.decode(document(next_run_time="2025-01-01T02:00:00+02:00")).next_run_time
    assert (read, read.tzinfo) == (START, UTC)


def test_equal_texts_share_one_trigger():
    first, second = CODEC.load_parts(CODEC.dump_parts(FULL)), CODEC.load_parts(CODEC.dump_parts(FULL))
    assert first["trigger"] is second["trigger"]
    assert first["retry"] is second["retry"]
    assert first["kwargs"] is not second["kwargs"]


def test_a_function_is_written_as_its_reference():
    assert CODEC.func_text(replace(SMALL, func=print)) == "builtins:print"
    with pytest.raises(FunctionLookupError, match="lambda"):
        CODEC.encode(replace(SMALL, func=lambda: 1))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"args": (1, [object()])}, "args[1][0]: "),
        ({"kwargs": {"x": {"y": object()}}}, "kwargs['x']['y']: "),
        ({"executor_options": {"x": object()}}, "executor_options['x']: "),
        ({"trigger": None}, "trigger: "),
    ],
)
@pytest.mark.parametrize("write", [CODEC.encode, CODEC.dump_parts], ids=["document", "parts"])
def test_what_cannot_be_stored_is_named(write, changes, place):
    with pytest.raises(SerializationError) as caught:
        write(replace(FULL, **changes))
    assert str(caught.value).startswith(place)


def test_a_document_of_a_newer_format_is_refused_whatever_else_is_in_it():
    with pytest.raises(SerializationError, match=r"stored in format 2, .* upgrade it"):
        CODEC.decode({"format": FORMAT + 1, "new": True})


@pytest.mark.parametrize("version", [0, -1])
def test_a_format_that_never_was_is_refused(version):
    with pytest.raises(SerializationError, match="there is no format"):
        check_format(version)


def rules(**changes):
    return {"rules": {**document()["rules"], **changes}}


def retry(**changes):
    return rules(retry={**document()["rules"]["retry"], **changes})


@pytest.mark.parametrize("name", document())
def test_a_missing_key_is_named(name):
    written = document()
    del written[name]
    with pytest.raises(SerializationError, match=f"^{name}: this key is missing"):
        CODEC.decode(written)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "colour: this key is not known"),
        ({"id": 5}, "id: expected text, not 5"),
        ({"format": "1"}, "format: expected a whole number, not '1'"),
        ({"format": True}, "format: expected a whole number, not True"),
        ({"paused": 1}, "paused: expected true or false, not 1"),
        ({"paused": None}, "paused: expected true or false, not None"),
        ({"version": True}, "version: expected a whole number, not True"),
        ({"args": {}}, "args: expected a list, not {}"),
        ({"kwargs": []}, "kwargs: expected an object, not []"),
        ({"kwargs": {"$type": "dict", "items": [[1, 2]]}}, "kwargs: expected an object, not {1: 2}"),
        ({"kwargs": {"$type": "date", "value": "2025-01-01"}}, "kwargs: expected an object"),
        ({"args": [{"$type": "socket"}]}, "args: stored data of the type 'socket'"),
        ({"args": [float("nan")]}, "args: this is not JSON"),
        ({"next_run_time": 5}, "next_run_time: expected text or null, not 5"),
        ({"next_run_time": "soon"}, "next_run_time: 'soon' is not an ISO 8601 date and time"),
        ({"next_run_time": "2025-01-01T00:00:00"}, "next_run_time: '2025-01-01T00:00:00' has no offset from UTC"),
        ({"tags": ["a", 1]}, "tags: expected a list of texts"),
        ({"rules": {}}, "rules."),
        (rules(overlaps="skip"), "rules.overlaps: this key is not known; did you mean 'overlap'?"),
        (rules(overlap="allow"), "rules.overlap"),
        (rules(timeout=True), "rules.timeout: expected a whole number or a number or null, not True"),
        (rules(keep_runs="all"), "rules.keep_runs: expected a whole number or null, not 'all'"),
        (rules(on_success=5), "rules.on_success: expected text or null, not 5"),
        (rules(coalesce=0), "rules.coalesce: expected true or false, not 0"),
        (rules(max_instances=0), "rules.max_instances must be a whole number from 1 to 1000000, not 0"),
        (
            rules(max_instances=2**40),
            "rules.max_instances must be a whole number from 1 to 1000000, not 1099511627776",
        ),
        (rules(max_instances=1.0), "rules.max_instances: expected a whole number, not 1.0"),
        (rules(misfire_grace_time="1"), "rules.misfire_grace_time: expected a whole number or a number or null"),
        (
            rules(misfire_grace_time=-1),
            "rules.misfire_grace_time must be None (any lateness) or seconds above 0 up to 3.16224e+09, not -1",
        ),
        (rules(misfire_grace_time=0), "rules.misfire_grace_time must be None"),
        (rules(misfire_grace_time=1e11), "rules.misfire_grace_time must be None"),
        (rules(jitter="1"), "rules.jitter: expected a whole number or a number or null, not '1'"),
        (rules(jitter=True), "rules.jitter: expected a whole number or a number or null, not True"),
        (rules(jitter=-1), "rules.jitter: -1 is not a number of seconds from 0 to 31622400"),
        (rules(jitter=1e9), "rules.jitter: 1000000000.0 is not a number of seconds"),
        (rules(retry=3), "rules.retry: expected an object or null, not 3"),
        (retry(forever=True), "rules.retry.forever: this key is not known"),
        (retry(max_retries=True), "rules.retry.max_retries: expected a whole number, not True"),
        (retry(delay=-1), "rules.retry: retry: delay must be a number from 0"),
        (retry(on=[5]), "rules.retry: retry: on takes exception types or their names"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_document_is_refused_and_the_key_named(changes, message):
    with pytest.raises(SerializationError) as caught:
        CODEC.decode(document(**changes))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("wrong", [None, [], "job", 5])
def test_what_is_no_document_is_refused(wrong):
    with pytest.raises(SerializationError, match=r"^job: expected an object"):
        CODEC.decode(wrong)


def test_a_malformed_reference_and_an_unknown_trigger_are_refused():
    with pytest.raises(FunctionLookupError, match="'print' is not a reference"):
        CODEC.decode(document(func="print"))
    with pytest.raises(InvalidTriggerError, match="did you mean 'cron'"):
        CODEC.decode(document(trigger={"kind": "crom"}))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, None, "5"], ids=["cut", "empty", "deep", "null", "number"])
def test_a_broken_column_is_named(name, text):
    texts = {**CODEC.dump_parts(FULL), name: text}
    with pytest.raises((SerializationError, InvalidTriggerError), match=f"^{name}: "):
        CODEC.load_parts(texts)


def test_a_trigger_that_gives_no_json_is_refused():
    class Odd(IntervalTrigger):
        def to_json(self):
            return {"step": object()}

    codec = JobCodec(ValueCodec(), TriggerCodec({"odd": Odd}))
    with pytest.raises(
        SerializationError, match=r"^trigger: Odd\.step: a value of type builtins\.object cannot be stored"
    ):
        codec.dump_parts(replace(FULL, trigger=Odd(seconds=1)))
