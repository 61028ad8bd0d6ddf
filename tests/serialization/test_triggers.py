"""Triggers are stored under their kind and version, those inside others and the program's own ones too."""

import json
import pickle
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest

from scheduler.errors import InvalidTriggerError, SerializationError
from scheduler.serialization import TriggerCodec
from scheduler.serialization.values import to_text
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger, Trigger

START = datetime(2025, 1, 1, tzinfo=UTC)
LONG = "x" * 300_000
BERLIN, UTC_OF_ZONEINFO = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


@dataclass(frozen=True)
class EveryNth(Trigger):
    seconds: int

    def next(self, after):
        return after + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Rich(Trigger):
    """With a field of everything that a frozen value may hold."""

    at: time = time(9, 30)
    zone: tzinfo = BERLIN
    utc: tzinfo = UTC_OF_ZONEINFO
    offset: tzinfo = timezone(timedelta(hours=5, minutes=30))
    since: datetime = datetime(2024, 3, 31, 2, 30, tzinfo=BERLIN)
    not_on: frozenset[date] = frozenset({date(2025, 12, 24), date(2025, 12, 31)})
    pairs: tuple[tuple[int, str], ...] = ((1, "mon"), (2, "☂"))
    step: timedelta = timedelta(days=1.5)
    share: float = 0.5
    nothing: None = None

    def next(self, after):
        return None


@dataclass(frozen=True)
class Several(Trigger):
    of: tuple[Trigger, ...]
    but: Trigger | None = None

    def next(self, after):
        return min((fire for one in self.of if (fire := one.next(after))), default=None)


@dataclass(frozen=True)
class Written(Trigger):
    """Whose JSON form is what the test wants."""

    form: object = None

    def next(self, after):
        return None

    def to_json(self):
        return self.form


OWN = {"every-nth": EveryNth, "rich": Rich, "several": Several, "written": Written}
CODEC = TriggerCodec(OWN)

NESTED = Several(
    of=(Several(of=(EveryNth(5), DateTrigger(START))), CronTrigger(hour=9, timezone="Europe/Berlin")), but=Rich()
)


@pytest.mark.parametrize(
    ("trigger", "kind"),
    [
        (DateTrigger(START), "date"),
        (IntervalTrigger(minutes=5, start_date=START), "interval"),
        (CronTrigger(day_of_week="mon-fri", hour=9, timezone="Europe/Berlin"), "cron"),
        (EveryNth(7), "every-nth"),
        (Rich(), "rich"),
        (Rich(not_on=frozenset(), since=START, utc=UTC), "rich"),
        (NESTED, "several"),
    ],
)
def test_a_trigger_comes_back_equal(trigger, kind):
    written = to_text(CODEC.encode(trigger))
    read = CODEC.decode(json.loads(written))
    assert json.loads(written)["kind"] == kind
    assert read == trigger
    assert type(read) is type(trigger)
    assert hash(read) == hash(trigger)
    assert to_text(CODEC.encode(read)) == written
    assert pickle.loads(pickle.dumps(trigger)) == trigger


def test_a_field_that_is_worked_out_from_others_is_not_stored():
    @dataclass(frozen=True)
    class Derived(EveryNth):
        step: timedelta = field(init=False)

        def __post_init__(self):
            object.__setattr__(self, "step", timedelta(seconds=self.seconds))

    codec = TriggerCodec({"derived": Derived})
    assert codec.encode(Derived(7)) == {"kind": "derived", "version": 1, "seconds": 7}
    assert codec.decode(codec.encode(Derived(7))) == Derived(7)


def test_zones_come_back_as_the_very_ones_they_were():
    read = CODEC.decode(CODEC.encode(Rich()))
    assert (read.zone, read.utc, read.offset) == (Rich().zone, Rich().utc, Rich().offset)
    assert repr(read.since) == repr(Rich().since)


def test_kind_and_version_come_first_and_the_fields_beside_them():
    assert list(CODEC.encode(EveryNth(7)).items()) == [("kind", "every-nth"), ("version", 1), ("seconds", 7)]


def test_a_trigger_inside_another_is_written_as_it_is_by_itself():
    assert CODEC.encode(NESTED)["of"][0] == {
        "kind": "several",
        "version": 1,
        "of": [CODEC.encode(EveryNth(5)), CODEC.encode(DateTrigger(START))],
        "but": None,
    }
    assert CODEC.encode(NESTED)["but"] == CODEC.encode(Rich())


def test_decoding_leaves_the_data_as_it_is():
    data = CODEC.encode(NESTED)
    text = to_text(data)
    CODEC.decode(data)
    assert to_text(data) == text


def test_a_class_with_two_names_is_written_under_the_first_and_read_under_both():
    codec = TriggerCodec({"new-name": EveryNth, "old-name": EveryNth})
    assert codec.encode(EveryNth(7))["kind"] == "new-name"
    assert codec.decode({"kind": "old-name", "seconds": 7}) == EveryNth(7)
    assert TriggerCodec({"every": IntervalTrigger}).encode(IntervalTrigger(hours=1))["kind"] == "interval"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"kind": "intervall"}, "'intervall'; did you mean 'interval'"),
        ({"kind": "moon"}, r"'moon'; valid are .*; one of your own has to be registered by triggers=\{"),
        ({"kind": 5}, "not a JSON object with a kind"),
        ({}, "not a JSON object with a kind"),
        ([], "not a JSON object with a kind"),
        (None, "not a JSON object with a kind"),
        ({"kind": "interval", "no_such_field": 1}, "no_such_field"),
        ({"kind": "every-nth"}, "missing 1 required positional argument: 'seconds'"),
        ({"kind": "every-nth", "second": 1}, "unexpected keyword argument 'second'"),
        ({"kind": "several", "of": [{"kind": "moon"}]}, "'moon'"),
        ({"kind": "several", "of": [], "but": {"kind": "every-nth"}}, "missing 1 required"),
        ({"kind": "rich", "at": {"$type": "no such type"}}, "'no such type' cannot be read"),
        ({"kind": "rich", "at": {"$type": "time", "value": "9 o'clock"}}, "'time' cannot be read"),
        ({"kind": "rich", "zone": {"$type": "ZoneInfo", "key": "Europe/Berln"}}, "did you mean 'Europe/Berlin'"),
    ],
)
def test_unknown_triggers_are_refused_with_what_is_known(data, reason):
    with pytest.raises(InvalidTriggerError, match=reason):
        CODEC.decode(data)


@pytest.mark.parametrize(
    "data",
    [
        {"kind": LONG},
        {"kind": "interval", LONG: 1},
        {"kind": "cron", "hour": "9", "timezone": LONG},
        {"kind": "interval", "hours": 1, "start_date": LONG},
        {"kind": "date", "run_date": [LONG]},
        {"kind": "rich", "at": {"$type": LONG}},
    ],
    ids=["kind", "key", "zone", "text of a date", "date", "type"],
)
def test_the_message_about_a_huge_stored_trigger_is_short(data):
    with pytest.raises(InvalidTriggerError) as caught:
        CODEC.decode(data)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("trigger", [EveryNth(1), Several(of=(EveryNth(1),))])
def test_a_trigger_that_nobody_registered_is_refused_with_both_remedies(trigger):
    with pytest.raises(
        SerializationError, match=r"^trigger: EveryNth\(seconds=1\) is of a class .* not known"
    ) as error:
        TriggerCodec({"several": Several}).encode(trigger)
    assert 'Scheduler(…, triggers={"some-name": EveryNth})' in str(error.value)
    assert 'MemoryJobStore(triggers={"some-name": EveryNth})' in str(error.value)
    assert 'SQLAlchemyJobStore(…, triggers={"some-name": EveryNth})' in str(error.value)


@pytest.mark.parametrize("trigger", [None, "cron", EveryNth])
def test_what_is_no_trigger_is_refused(trigger):
    with pytest.raises(SerializationError, match="is not a Trigger"):
        CODEC.encode(trigger)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"kind": "x"}, "Written cannot be stored with the key 'kind'; rename that field"),
        ({"version": 1}, "Written cannot be stored with the key 'version'"),
        ({"$type": "x"}, r"Written cannot be stored with the key '\$type'"),
        ({"inside": {"kind": "x"}}, "Written.inside cannot be stored with the key 'kind'"),
        ({5: 1}, "Written cannot be stored with the key 5"),
        ([1], r"Written.to_json\(\) must return a dict, not \[1\]"),
        ({"call": print}, r"Written.call: a value of type .*; or write to_json and from_json for it"),
        ({"in": [1, object()]}, "Written.in: a value of type"),
    ],
)
def test_a_form_that_could_not_be_read_back_is_refused(form, reason):
    with pytest.raises(SerializationError, match=f"^trigger: {reason}"):
        CODEC.encode(Written(form))


def test_a_class_that_is_no_dataclass_says_what_it_lacks():
    class Plain(Trigger):
        def next(self, after):
            return None

    for use in (TriggerCodec({"plain": Plain}).encode, pickle.dumps):
        with pytest.raises(InvalidTriggerError, match="Plain is no dataclass: it needs to_json and from_json"):
            use(Plain())


@pytest.mark.parametrize("built", [lambda **_: 5, lambda **_: 1 / 0])
def test_whatever_from_json_does_is_told_as_a_trigger_that_cannot_be_built(monkeypatch, built):
    monkeypatch.setattr(Written, "from_json", classmethod(lambda cls, data: built(**data)))
    with pytest.raises(InvalidTriggerError, match=r"^trigger: Written(\.from_json\(\) must return| cannot be built)"):
        CODEC.decode({"kind": "written"})


def test_triggers_nested_too_deeply_are_refused_and_not_a_crash():
    deep = EveryNth(1)
    for _ in range(2000):
        deep = Several(of=(), but=deep)
    data = {"kind": "every-nth", "seconds": 1}
    for _ in range(2000):
        data = {"kind": "several", "of": [], "but": data}
    with pytest.raises(SerializationError, match="a Several is nested too deeply to be stored"):
        CODEC.encode(deep)
    with pytest.raises(InvalidTriggerError, match="nested too deeply to be read"):
        CODEC.decode(data)


# versions


@dataclass(frozen=True)
class Second(Trigger):
    """Which in its first version counted minutes, and has one more field since its third."""

    seconds: int
    label: str = ""
    version: ClassVar[int] = 3

    def next(self, after):
        return None

    @classmethod
    def upgrade(cls, data, version):
        return {"seconds": 60 * data["minutes"]} if version == 1 else data


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"minutes": 2}, Second(120)),
        ({"version": 1, "minutes": 2}, Second(120)),
        ({"version": 2, "seconds": 7}, Second(7)),
        ({"version": 3, "seconds": 7, "label": "x"}, Second(7, "x")),
    ],
)
def test_an_older_form_is_read_by_upgrade_also_inside_another_trigger(stored, read):
    codec = TriggerCodec({"second": Second, "several": Several})
    stored = {"kind": "second", **stored}
    assert codec.decode(stored) == read
    assert codec.decode({"kind": "several", "version": 1, "of": [stored]}) == Several(of=(read,))
    assert codec.encode(read)["version"] == 3


@pytest.mark.parametrize("version", [4, 0, -1, "3", 3.0, True, None])
def test_a_form_of_a_version_that_does_not_exist_here_is_left_alone(version):
    with pytest.raises(InvalidTriggerError, match=r"'second' is stored in version .*, and this program reads up to 3"):
        TriggerCodec({"second": Second}).decode({"kind": "second", "version": version, "seconds": 1})


def test_an_older_form_that_nothing_upgrades_says_its_version_and_the_remedy():
    class Second(EveryNth):
        version = 2

    codec = TriggerCodec({"second": Second})
    assert codec.decode({"kind": "second", "seconds": 7}) == Second(7)
    with pytest.raises(InvalidTriggerError) as error:
        codec.decode({"kind": "second", "version": 1, "minutes": 7})
    assert "unexpected keyword argument 'minutes'" in str(error.value)
    assert "; it was stored in version 1: Second.upgrade(data, version) has to change that" in str(error.value)


def test_what_upgrade_is_given_is_read_already():
    @dataclass(frozen=True)
    class Newer(Several):
        version: ClassVar[int] = 2

        @classmethod
        def upgrade(cls, data, version):
            return {"of": data["of"], "but": replace(data["but"], share=1.0)}

    stored = {**CODEC.encode(NESTED), "kind": "newer"}
    assert TriggerCodec({**OWN, "newer": Newer}).decode(stored) == Newer(NESTED.of, replace(NESTED.but, share=1.0))
