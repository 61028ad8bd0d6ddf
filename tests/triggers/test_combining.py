"""The triggers made of others: the instants common to all of them, and those of any."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import InvalidTriggerError, Scheduler
from scheduler.triggers import (
    AndTrigger,
    CronTrigger,
    DateTrigger,
    ExcludingTrigger,
    IntervalTrigger,
    OrTrigger,
    Trigger,
)
from scheduler.wording import describe

START = datetime(2024, 3, 1, tzinfo=UTC)
END = START + timedelta(days=30)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)

HOURLY = IntervalTrigger(hours=1, start_date=START)
HALF_PAST = IntervalTrigger(hours=1, start_date=START + HOUR / 2)
NINE = CronTrigger(hour=9, timezone="Europe/Berlin")
SUNDAYS = CronTrigger(day_of_week="sun", hour="*", timezone="UTC")

each_kind = pytest.mark.parametrize("kind", [AndTrigger, OrTrigger])

quarters = st.integers(-40, 30 * 96).map(lambda number: START + number * HOUR / 4)
intervals = st.builds(
    lambda step, start: IntervalTrigger(minutes=15 * step, start_date=start, end_date=max(start, END)),
    st.integers(1, 60),
    quarters,
)
crons = st.builds(
    lambda hours, minute, zone: CronTrigger(hour=",".join(hours), minute=minute, timezone=zone, end_date=END),
    st.lists(st.integers(0, 23).map(str), min_size=1, max_size=12),
    st.sampled_from(["0", "30", "*/15"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
)
some = st.lists(intervals | crons | quarters.map(DateTrigger), min_size=1, max_size=4)


@dataclass(frozen=True)
class Noted(Trigger):
    """A trigger of a program's own that fires at START + n · step, and notes each question."""

    step: timedelta
    asked: list[datetime] = field(default_factory=list, compare=False, repr=False)

    def next(self, after: datetime) -> datetime:
        self.asked.append(after)
        return START + ((after - START) // self.step + 1) * self.step


class Stuck(Trigger):
    def next(self, after: datetime) -> datetime:
        return after


def fires(trigger: Trigger) -> set[datetime]:
    return set(trigger.fire_times(START, END))


@given(some)
def test_and_fires_when_all_fire(triggers: list[Trigger]) -> None:
    common = set.intersection(*map(fires, triggers))
    assert AndTrigger(triggers).fire_times(START, END) == sorted(common)


@given(some)
def test_or_fires_when_any_fires_and_once_where_several_do(triggers: list[Trigger]) -> None:
    any_of = set.union(*map(fires, triggers))
    assert OrTrigger(triggers).fire_times(START, END) == sorted(any_of)


@given(some, quarters)
def test_the_previous_fire_of_or_is_the_latest_of_any(triggers: list[Trigger], before: datetime) -> None:
    trigger = OrTrigger(triggers)
    assert trigger.previous(before) == Trigger.previous(trigger, before)


@settings(max_examples=20)
@given(some, some, some)
def test_they_nest(one: list[Trigger], other: list[Trigger], more: list[Trigger]) -> None:
    any_of, all_of = OrTrigger(one), AndTrigger(other)
    assert fires(AndTrigger([any_of, *more])) == fires(any_of) & fires(AndTrigger(more))
    assert fires(OrTrigger([all_of, *more])) == fires(all_of) | fires(OrTrigger(more))


@each_kind
def test_one_trigger_alone_is_as_it_is(kind: type[Trigger]) -> None:
    assert fires(kind([NINE])) == fires(NINE)  # type: ignore[call-arg]


def test_and_ends_when_one_ends_also_where_the_others_never_meet() -> None:
    assert AndTrigger([HOURLY, IntervalTrigger(hours=1, start_date=START, end_date=END)]).next(END) is None
    assert AndTrigger([HOURLY, HALF_PAST, DateTrigger(START)]).next(START) is None


def test_or_ends_when_all_have_ended() -> None:
    trigger = OrTrigger([DateTrigger(START), IntervalTrigger(days=1, start_date=START, end_date=END)])
    assert trigger.next(START) == START + timedelta(days=1)
    assert trigger.next(END - TICK) == END
    assert trigger.next(END) is None


@pytest.mark.parametrize("trigger", [OrTrigger([DateTrigger(START), HOURLY]), AndTrigger([HOURLY, HOURLY])], ids=str)
def test_the_first_fire_of_a_job_is_never_in_the_past(trigger: Trigger) -> None:
    """A date that has passed is due at once, but in here it would make all since then due."""
    later = START + 100 * HOUR
    assert trigger.anchored(later).first(later) == later
    assert trigger.anchored(later).first(later + TICK) == later + HOUR


def test_a_past_date_alone_leaves_or_without_a_first_fire() -> None:
    assert OrTrigger([DateTrigger(START)]).first(START + TICK) is None


@each_kind
def test_triggers_without_a_start_count_from_the_adding_of_the_job(kind: type[AndTrigger] | type[OrTrigger]) -> None:
    trigger = kind([kind([IntervalTrigger(hours=2)]), IntervalTrigger(hours=2)])
    added = trigger.anchored(START + MINUTE)
    assert added.first(START + MINUTE) == START + MINUTE + 2 * HOUR
    assert added.next(START + 50 * HOUR) == START + MINUTE + 50 * HOUR
    assert added.anchored(END) is added
    assert added != trigger
    assert added.definition() == trigger
    assert trigger.definition() is trigger


def test_before_it_is_added_all_in_it_count_from_the_instant_asked_for() -> None:
    trigger = AndTrigger([HOURLY, OrTrigger([IntervalTrigger(hours=5)])])
    assert trigger.next(START) == START + 5 * HOUR
    assert trigger.next(START + 5 * HOUR) == START + 10 * HOUR


@pytest.mark.parametrize(("kind", "cls"), [("and", AndTrigger), ("or", OrTrigger)])
def test_a_job_takes_them_by_name(kind: str, cls: type[AndTrigger] | type[OrTrigger]) -> None:
    job = Scheduler(timezone="UTC").add_job(print, kind, triggers=[NINE, CronTrigger(minute=0, timezone="UTC")])
    assert job.trigger == cls([NINE, CronTrigger(minute=0, timezone="UTC")])


def test_a_search_without_end_is_an_error_that_says_why_and_how_far_it_got() -> None:
    with pytest.raises(InvalidTriggerError) as caught:
        OrTrigger([AndTrigger([HOURLY, HALF_PAST])]).next(START)
    assert str(caught.value) == (
        "and trigger: no fire time in 20,000 steps; give an interval a start_date, a cron minute='*' or second='*'; "
        "next: interval[1:00:00] at 2025-04-21 16:00:00, interval[1:00:00] at 2025-04-21 16:30:00 UTC; "
        "searched from 2024-03-01 00:00:00+00:00 to 2025-04-21 16:30:00+00:00, "
        "for or[and[interval[1:00:00], interval[1:00:00]]]"
    )


@pytest.mark.parametrize(
    ("triggers", "shown"),
    [
        (
            [CronTrigger(hour=9, timezone="UTC"), CronTrigger(day_of_week="mon", timezone="UTC")],
            r"cron\[hour='9'\] at 2215-\d\d-\d\d 09:00:00, cron\[day_of_week='mon'\] at 2215-\d\d-\d\d 00:00:0",
        ),
        ([IntervalTrigger(hours=1, start_date=START + TICK), HOURLY], r"next: interval\[1:00:00\] at .{19}\.000001"),
        ([HOURLY, HALF_PAST] * 40, r"interval\[1:00:00\] at"),
    ],
    ids=["crons", "microseconds", "many"],
)
def test_the_reason_why_a_job_is_broken_shows_the_remedy_and_what_does_not_meet(
    triggers: list[Trigger], shown: str
) -> None:
    with pytest.raises(InvalidTriggerError, match=r"^and trigger: .* start_date, .*second='\*'; next: ") as caught:
        AndTrigger(triggers).next(START)
    assert re.search(shown, describe(caught.value))
    assert len(str(caught.value)) < 650


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_all_that_is_nested_shares_one_bound(depth: int) -> None:
    """Otherwise each level would multiply the time."""
    noted = Noted(HOUR)
    trigger: Trigger = noted
    for _ in range(depth):
        trigger = AndTrigger([ExcludingTrigger(trigger, triggers=[HALF_PAST], timezone="UTC"), HOURLY])
    with pytest.raises(InvalidTriggerError, match=r"20,000 steps"):
        ExcludingTrigger(trigger, triggers=[trigger], timezone="UTC").next(START)
    assert len(noted.asked) <= 20_000


def test_a_nest_of_many_triggers_shares_the_bound_too() -> None:
    trigger: Trigger = HOURLY
    for _ in range(18):
        trigger = OrTrigger([trigger, trigger])
    with pytest.raises(InvalidTriggerError, match=r"^or trigger: no fire time in 20,000 steps; combine fewer"):
        trigger.next(START)


def test_a_span_takes_about_as_many_steps_as_it_may_however_many_triggers_there_are() -> None:
    noted = Noted(HOUR)
    trigger = OrTrigger([noted] * 500)
    span = trigger.span(START + HOUR, START + 9_000 * HOUR, 10_000)
    assert span.count == 2 + 10_000 // 500
    assert span.following == START + HOUR + span.count * HOUR
    assert len(noted.asked) <= 11_500
    assert trigger.span(START + HOUR, START + 9_000 * HOUR, 1).count == 1


def test_a_span_ends_before_a_search_that_takes_too_many_steps_and_the_next_one_says_so() -> None:
    few = ExcludingTrigger(HOURLY, triggers=[IntervalTrigger(hours=1, start_date=START + 4 * HOUR)])
    span = few.span(START, START + 9_000 * HOUR, 10_000)
    assert span[:3] == (START + 2 * HOUR, 3, START + 3 * HOUR)
    with pytest.raises(InvalidTriggerError, match=r"no fire time in 20,000 steps"):
        few.span(START + 3 * HOUR, START + 9_000 * HOUR, 10_000)


def test_rare_instants_in_common_are_found_by_leaps() -> None:
    seconds = Noted(timedelta(seconds=1))
    trigger = AndTrigger([seconds, CronTrigger(month=2, day=29, timezone="UTC")])
    assert trigger.next(START) == datetime(2028, 2, 29, tzinfo=UTC)
    assert len(seconds.asked) < 10


@each_kind
def test_a_trigger_that_does_not_move_forward_is_named(kind: type[AndTrigger] | type[OrTrigger]) -> None:
    with pytest.raises(InvalidTriggerError, match="Stuck"):
        kind([HOURLY, Stuck()]).next(START)


@each_kind
def test_up_to_twenty_triggers_are_nested(kind: type[AndTrigger] | type[OrTrigger]) -> None:
    trigger: Trigger = HOURLY
    for _ in range(19):
        trigger = kind([NINE, trigger])
    assert trigger.next(START) is not None
    with pytest.raises(InvalidTriggerError, match=f"^{kind.kind} trigger: more than 20 triggers are nested"):
        kind([trigger])
    with pytest.raises(InvalidTriggerError, match=r"^excluding trigger: more than 20 triggers are nested"):
        ExcludingTrigger(HOURLY, triggers=[trigger], timezone="UTC")


JITTERY = IntervalTrigger(hours=1, start_date=START, jitter=20)


@pytest.mark.parametrize(
    ("trigger", "jitter"),
    [
        (OrTrigger([HOURLY, NINE]), None),
        (OrTrigger([HOURLY, JITTERY]), 20.0),
        (OrTrigger([JITTERY, IntervalTrigger(hours=1, jitter=30)]), 30.0),
        (AndTrigger([OrTrigger([JITTERY]), HOURLY]), 20.0),
        (OrTrigger([JITTERY], jitter=5), 5.0),
        (OrTrigger([HOURLY], 5), 5.0),
        (AndTrigger([HOURLY, JITTERY], jitter=timedelta(minutes=1)), 60.0),
        (AndTrigger([HOURLY, JITTERY], jitter=0), None),
        (ExcludingTrigger(JITTERY, triggers=[NINE], timezone="UTC"), 20.0),
        (ExcludingTrigger(HOURLY, triggers=[JITTERY], timezone="UTC"), None),
        (ExcludingTrigger(JITTERY, triggers=[NINE], timezone="UTC", jitter=1.5), 1.5),
    ],
    ids=repr,
)
def test_its_own_jitter_counts_or_else_the_longest_of_what_fires_in_it(trigger: Trigger, jitter: float | None) -> None:
    assert trigger.jitter == jitter
    assert trigger.anchored(START).definition().jitter == jitter
    assert type(trigger).from_json(trigger.to_json()).jitter == jitter


def test_the_jitter_that_was_given_is_stored_and_does_not_make_a_trigger_different() -> None:
    assert OrTrigger([JITTERY]).to_json() == {"triggers": [JITTERY]}
    assert OrTrigger([JITTERY], jitter=0).to_json() == {"triggers": [JITTERY], "jitter": 0.0}
    assert OrTrigger([HOURLY], jitter=3) == OrTrigger([JITTERY], jitter=4)


def test_the_kind_and_the_order_count_for_equality() -> None:
    assert AndTrigger([HOURLY, NINE]) == AndTrigger((HOURLY, NINE))
    assert AndTrigger([HOURLY, NINE]) != AndTrigger([NINE, HOURLY])
    assert AndTrigger([HOURLY, NINE]) != OrTrigger([HOURLY, NINE])


@pytest.mark.parametrize(
    ("triggers", "zone"),
    [
        ([NINE, HOURLY], ZoneInfo("Europe/Berlin")),
        ([OrTrigger([NINE]), NINE], ZoneInfo("Europe/Berlin")),
        ([NINE, SUNDAYS], None),
        ([HOURLY], None),
    ],
    ids=str,
)
def test_its_zone_is_the_one_that_its_triggers_share(triggers: list[Trigger], zone: ZoneInfo | None) -> None:
    assert OrTrigger(triggers).timezone == zone


@each_kind
@pytest.mark.parametrize(
    ("triggers", "words"),
    [
        ([], "^triggers: at least one is needed; pass a list of triggers, such as"),
        (NINE, r"^triggers: CronTrigger\(.*\) is one trigger, not a list; pass triggers=\[…\]$"),
        ("cron", "^triggers: 'cron' is not a list; pass a list"),
        (None, "^triggers: None is not a list"),
        ({NINE}, "^triggers: {CronTrigger.* is not a list"),
        ([NINE, "cron"], "^triggers: 'cron' is not a Trigger; build one"),
        ([CronTrigger], "^triggers: <class .*CronTrigger'> is not a Trigger; build one"),
    ],
    ids=repr,
)
def test_what_is_no_list_of_triggers_is_refused(
    kind: type[AndTrigger] | type[OrTrigger], triggers: list[Trigger], words: str
) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        kind(triggers)


@pytest.mark.parametrize("jitter", [-1, "5", float("nan"), True])
def test_a_wrong_jitter_is_refused(jitter: float) -> None:
    with pytest.raises(InvalidTriggerError, match=r"^jitter: "):
        OrTrigger([NINE], jitter)


@each_kind
def test_stored_data_without_triggers_is_refused(kind: type[AndTrigger] | type[OrTrigger]) -> None:
    with pytest.raises(InvalidTriggerError, match=f"^{kind.kind} trigger: the key 'triggers' is missing"):
        kind.from_json({"jitter": 1})
