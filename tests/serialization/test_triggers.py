"""Triggers are stored under their kind, the program's own ones too."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.errors import InvalidTriggerError, SerializationError
from scheduler.serialization import TriggerCodec
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger, Trigger

START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class EveryNth(Trigger):
    kind = "every-nth"
    seconds: int

    def next(self, after):
        return after + timedelta(seconds=self.seconds)

    def to_json(self):
        return {"seconds": self.seconds}

    @classmethod
    def from_json(cls, data):
        return cls(**data)


class Rude(EveryNth):
    def to_json(self):
        return {"kind": "every-nth"}


CODEC = TriggerCodec({"every-nth": EveryNth, "rude": Rude})


@pytest.mark.parametrize(
    "trigger",
    [
        DateTrigger(START),
        IntervalTrigger(minutes=5, start_date=START),
        CronTrigger(day_of_week="mon-fri", hour=9, timezone="Europe/Berlin"),
        EveryNth(7),
    ],
    ids=lambda trigger: trigger.kind,
)
def test_a_trigger_comes_back_equal(trigger):
    written = CODEC.encode(trigger)
    assert written["kind"] == trigger.kind
    read = CODEC.decode(written)
    assert read == trigger
    assert type(read) is type(trigger)


def test_the_kind_comes_first_and_the_fields_beside_it():
    assert list(CODEC.encode(EveryNth(7)).items()) == [("kind", "every-nth"), ("version", 1), ("seconds", 7)]


def test_decoding_leaves_the_data_as_it_is():
    data = {"kind": "every-nth", "seconds": 7}
    CODEC.decode(data)
    assert data == {"kind": "every-nth", "seconds": 7}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"kind": "intervall"}, "'intervall'; did you mean 'interval'"),
        ({"kind": "moon"}, "'moon'; valid are 'cron', 'date', 'every-nth', 'interval', 'rude'"),
        ({"kind": 5}, "not a JSON object with a kind"),
        ({}, "not a JSON object with a kind"),
        ([], "not a JSON object with a kind"),
        (None, "not a JSON object with a kind"),
        ({"kind": "interval", "no_such_field": 1}, "no_such_field"),
    ],
)
def test_unknown_triggers_are_refused_with_what_is_known(data, reason):
    with pytest.raises(InvalidTriggerError, match=reason):
        CODEC.decode(data)


@pytest.mark.parametrize("trigger", [EveryNth(1), None, "cron"])
def test_a_trigger_that_nobody_registered_is_refused(trigger):
    with pytest.raises(SerializationError, match=r"^trigger: .* is of a class that is not known to the job store"):
        TriggerCodec().encode(trigger)


def test_a_trigger_must_leave_the_key_kind_alone():
    with pytest.raises(SerializationError, match="must not return the key 'kind'"):
        CODEC.encode(Rude(1))


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"interval": EveryNth}, "the trigger kind 'interval' is taken"),
        ({"mine": int}, "<class 'int'> is not a subclass of Trigger"),
        ({"mine": EveryNth(1)}, "is not a subclass of Trigger"),
    ],
)
def test_wrong_extras_are_refused(extra, reason):
    with pytest.raises(InvalidTriggerError, match=reason):
        TriggerCodec(extra)
