"""One table of triggers of every kind, for the laws that hold for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler.triggers import (
    AndTrigger,
    CalendarIntervalTrigger,
    CronTrigger,
    DateTrigger,
    ExcludingTrigger,
    IntervalTrigger,
    OrTrigger,
    SolarTrigger,
    Trigger,
)

START = datetime(2024, 3, 1, tzinfo=UTC)
END = START + timedelta(days=60)
"""The window in which the laws are tried; it holds a turn of the clock for each zone below."""


@dataclass(frozen=True)
class Doubling(Trigger):
    """One of a program's own: from some hours after START, the pauses double, from one hour."""

    hours: int
    times: int

    def next(self, after: datetime) -> datetime | None:
        fires = (START + timedelta(hours=self.hours + 2**n - 1) for n in range(self.times))
        return next((fire for fire in fires if fire > after), None)


OWN: Mapping[str, type[Trigger]] = {"doubling": Doubling}
"""By the names under which they are stored."""

DOUBLING = Doubling(hours=8, times=10)
OFFICE_HOURS = CronTrigger(day_of_week="mon-fri", hour="8-17", timezone="Europe/Berlin")
NIGHTLY = CronTrigger(hour=2, minute=30, timezone="Europe/Berlin")
GRID = IntervalTrigger(minutes=30, start_date=START)
GRID3 = IntervalTrigger(hours=3, start_date=START)

TRIGGERS: list[Trigger] = [
    DateTrigger(START + timedelta(days=3)),
    DateTrigger("2024-03-31 02:30:00", timezone="Europe/Berlin"),
    DateTrigger().anchored(START + timedelta(hours=1)),
    IntervalTrigger(hours=5, start_date=START),
    IntervalTrigger(minutes=90, start_date="2024-03-05", end_date="2024-03-09 12:00:00", timezone="Asia/Kathmandu"),
    IntervalTrigger(days=1, seconds=0.5).anchored(START + timedelta(microseconds=7)),
    IntervalTrigger(weeks=2, end_date=END - timedelta(days=1)).anchored(START - timedelta(days=100)),
    IntervalTrigger(hours=31, start="now", end_date=END, jitter=60).anchored(START + timedelta(hours=1)),
    CronTrigger(hour=2, minute=30, timezone="Europe/Berlin"),
    CronTrigger(hour="*/6", timezone="America/New_York"),
    CronTrigger(day="last fri,1st mon", hour="0-23/5", minute=15, timezone="Australia/Lord_Howe"),
    CronTrigger(day_of_week="mon-fri", hour=9, start_date="2024-03-20", end_date="2024-04-20", timezone="+05:30"),
    CronTrigger(week="12-15", day_of_week=6, second="*/20", minute=59, hour=23, timezone="UTC"),
    CronTrigger(year="2024/2", month="apr", timezone="UTC"),
    CronTrigger.from_crontab("*/45 1-3 * * *", timezone="Africa/Casablanca"),
    CronTrigger.from_crontab("30 2 13 * Fri", timezone="Europe/Berlin"),
    CronTrigger.from_crontab("0 0 * 4 7", timezone="Asia/Kathmandu", start_date="2024-04-08"),
    CronTrigger.from_crontab("*/25 30 2 15W,LW * fri#2,0L", timezone="Europe/Berlin", jitter=5),
    CronTrigger.from_crontab("@Daily", timezone="America/New_York", end_date="2024-04-20"),
    CalendarIntervalTrigger(months=1, hour=2, minute=30, start_date="2023-10-31", timezone="Europe/Berlin"),
    CalendarIntervalTrigger(years=1, hour=23, start_date="2024-02-29", timezone="America/New_York"),
    CalendarIntervalTrigger(weeks=1, days=3, start_date="2024-03-10", end_date="2024-04-09", timezone="Asia/Kathmandu"),
    CalendarIntervalTrigger(months=1, days=1, second=1, start_date="1999-12-31", timezone="+05:30", jitter=0.5),
    CalendarIntervalTrigger(days=1, hour=1, minute=45, timezone="Australia/Lord_Howe").anchored(START),
    CalendarIntervalTrigger(days=1, hour=2, minute=30, timezone="Africa/Casablanca").anchored(END - timedelta(days=20)),
    AndTrigger([OFFICE_HOURS]),
    AndTrigger([OFFICE_HOURS, IntervalTrigger(hours=5).anchored(START), DOUBLING], jitter=30),
    AndTrigger([CronTrigger(day="last", timezone="UTC"), CronTrigger(day_of_week="sun", timezone="UTC")]),
    AndTrigger([OrTrigger([NIGHTLY, OFFICE_HOURS]), ExcludingTrigger(GRID, triggers=[DOUBLING], timezone="UTC")]),
    OrTrigger([NIGHTLY, NIGHTLY]),
    OrTrigger([DateTrigger(START - timedelta(days=1)), DateTrigger().anchored(START + timedelta(days=2)), DOUBLING]),
    OrTrigger([AndTrigger([OFFICE_HOURS, GRID]), IntervalTrigger(hours=7).anchored(START), NIGHTLY], jitter=0),
    ExcludingTrigger(GRID, dates=["2024-03-31", "2024-04-01"], timezone="Europe/Berlin", jitter=2.5),
    ExcludingTrigger(GRID, dates=["2024-03-02"], ranges=[("2024-03-03", "2024-03-05T12:15")], timezone="+05:30"),
    ExcludingTrigger(
        GRID, ranges=[("2024-03-02 12:00", "2024-04-25"), (START, END - timedelta(hours=1))], timezone="UTC"
    ),
    ExcludingTrigger(NIGHTLY, dates=["2024-03-31"], triggers=[DateTrigger("2024-04-02 00:30", timezone="UTC")]),
    ExcludingTrigger(OrTrigger([OFFICE_HOURS, DOUBLING]), dates=["2024-03-29"], triggers=[OrTrigger([GRID3, NIGHTLY])]),
    ExcludingTrigger(ExcludingTrigger(DOUBLING, dates=["2024-03-01"], timezone="UTC"), ranges=[(START, "2024-03-10")]),
    ExcludingTrigger(OFFICE_HOURS, ranges=[(NIGHTLY, timedelta(hours=7)), (START, "2024-03-03")], triggers=[DOUBLING]),
    ExcludingTrigger(GRID, ranges=[(GRID3, timedelta(minutes=90, microseconds=1)), (DOUBLING, timedelta(hours=5))]),
    ExcludingTrigger(
        GRID, ranges=[(IntervalTrigger(hours=7), timedelta(hours=2)), (OrTrigger([NIGHTLY]), timedelta(hours=12))]
    ).anchored(START),
    SolarTrigger("sunrise", 52.5, 13.4, jitter=30),
    SolarTrigger("solar_noon", -33.9, 151.2, start_date="2024-03-10", end_date="2024-04-05", timezone="+11:00"),
    SolarTrigger("dawn_astronomical", 59.9, 10.75),
    SolarTrigger("sunrise", 90, 0, end_date="2025-12-31", timezone="UTC"),
]
