"""Crontab lines to compare: a fixed list of nasty ones, and generated ones, most of which fire near a turn."""

from __future__ import annotations

from random import Random

from tests.oracles.zones import Turn


def table(text: str) -> tuple[str, ...]:
    """The cells of a table in text, row by row."""
    return tuple(cell.strip() for cell in text.replace("\n", "|").split("|") if cell.strip())


TIMES = table("""
    * *      | */2 *   | */7 *   | */40 *  | */59 *  | */60 *  | 0 *     | 30 *    | 59 *      | 1,2 *
    0-30/10 *| 5/20 *  | 45-59 * | * 0     | * 1     | * 2     | * 3     | * 23    | */15 0    | */20 2-3
    */45 1   | */30 0-4| */10 22,23        | */1 2   | */5 9-17| 0 */2   | 0 */3   | 30 */2    | 15 */3
    0 */6    | 0 */12  | 0 */23  | 0 */24  | 30 */7  | 59 */5  | 1 */4   | 7,37 */2| 1-59/2 *  | 0,15,30,45 *
    0 0      | 0 1     | 0 2     | 0 3     | 0 23    | 30 0    | 30 1    | 30 2    | 30 3      | 30 23
    1 0      | 59 23   | 59 0    | 59 1    | 45 1    | 15 2    | 59 2    | 0 0,12  | 0 1,2,3   | 0,30 1-3
    0 0-23   | 30 0-23 | 0 0-23/5| 0-59 2  | 59 0-4  | 0/1 0/1 | 0,59 0,23         | 0-59/30 2 | 0-59 0-23
    0 9      | 15 14   | 5 4     | 17 5-6  | 23 22   | 10-50/20 1                  | 1-59/2 0-4
""")
"""Minutes and hours."""

DATES = table("""
    */2 * * | 1 * *     | 29 * *  | 30 * *  | 31 * *  | L * *   | LW * *  | 15 * *    | 1-7 * *   | 8-31/7 * *
    29 2 *  | 29,30 2 * | L 2 *   | 1 1 *   | 31 12 * | L 12 *  | 28-31 3 *           | 25-31 10 *
    */10 */3 *          | 1,15 jan-jun *    | * */5 * | */31 * *| 30 4 2L | LW 3 0L   | 28-31 * 0 | * 3 0L
    * * 0   | * * 7     | * * 1-5 | * * 6   | * * sun | * * mon,WED,Fri   | * * 5-7   | * * 0-1   | * * */2
    * * 1/2 | * * 0#1   | * * 7#2 | * * sun#3         | * * 5#5 | * * 0L  | * * 7L    | * * 5L    | * mar sun
    13 * 5  | 1 * 1     | L * 0   | 1,15 * 0#1        | 31 * 6  | 29 2 1  | 1-31 * 6  | */2 * 0   | 13 * */5
    L * */1 | * 11 0#1  | * 4,10 0          | 24-30 9 0         | 7-13 * 6| * * 1#1,3#3,5L        | * oct 7L
""")
"""Days, months and weekdays."""

SECONDS = ("*", "*/7", "*/20", "30", "59", "0,30", "15-45/15", "0-59", "1/29")

WITH_DATES = ("* *", "*/15 *", "30 *", "*/30 0-3", "* 2", "0 */6", "30 2", "0 0", "30 0", "0 1-3", "59 23", "0,30 1,2")
"""Minutes and hours that go with the dates and seconds."""


def _fixed() -> tuple[str, ...]:
    def time(number: int) -> str:
        return WITH_DATES[number % len(WITH_DATES)]

    lines = [f"{minute_and_hour} * * *" for minute_and_hour in TIMES]
    lines += [f"{time(at + shift)} {date}" for at, date in enumerate(DATES) for shift in (0, 3, 7)]
    lines += [f"{second} {time(at + shift)} * * *" for at, second in enumerate(SECONDS) for shift in (0, 2, 6)]
    lines += [f"{second} {time(at)} {DATES[5 * at]}" for at, second in enumerate(SECONDS)]
    lines += ["5-5/2 * * * *", "30 2-2/5 * * *"]
    return tuple(dict.fromkeys(lines))


FIXED = _fixed()


def generated(turn: Turn, count: int) -> list[str]:
    """As many lines as `count`, most of which fire near a turn of the clock; the same ones each time."""
    chance = Random(f"{turn.zone} {turn.instant}")
    return [_line(chance, turn) for _ in range(count)]


def _line(chance: Random, turn: Turn) -> str:
    wall = chance.choice(turn.walls)
    fields = [field(chance, 0, 59, wall.minute), field(chance, 0, 23, wall.hour), "*", "*", "*"]
    if chance.random() < 0.5:
        fields[2] = chance.choice(("*", "L", "LW", field(chance, 1, 31, wall.day), field(chance, 1, 31, wall.day)))
        fields[3] = chance.choice(("*", "*", field(chance, 1, 12, wall.month)))
        fields[4] = chance.choice(("*", field(chance, 0, 7, wall.isoweekday()), f"{wall.isoweekday()}L"))
    return " ".join([field(chance, 0, 59, 0), *fields] if chance.random() < 0.15 else fields)


def field(chance: Random, low: int, high: int, near: int) -> str:
    """One field: all values, every so many, or a list of some items; most of their numbers are close to `near`."""
    form = chance.randrange(8)
    if form < 2:
        return "*" if form else f"*/{chance.randint(2, high)}"
    items = [_item(chance, low, high, near) for _ in range(chance.choice((1, 1, 2, 3)))]
    return ",".join(items)


def _item(chance: Random, low: int, high: int, near: int) -> str:
    def number() -> int:
        close = chance.random() < 0.7
        return min(max(near + chance.choice((-1, 0, 0, 1, 30)), low), high) if close else chance.randint(low, high)

    first, last = sorted((number(), number()))
    step = chance.randint(2, 9)
    ranges = (f"{first}-{last}", f"{first}-{last}/{step}") if first < last else (f"{first}",)
    return chance.choice((f"{number()}", f"{number()}", f"{first}/{step}", *ranges))
