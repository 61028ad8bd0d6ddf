"""export_jobs and import_jobs: whole schedules as JSON, from any store into any other."""

import io
import json
from pathlib import Path

import pytest

from scheduler import ConflictingIdError, RetryPolicy, SchedulerError, SerializationError
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.damage import damage
from tests.api.jobs import act, note, one


def fill(scheduler):
    scheduler.add_job(
        note,
        "interval",
        (1, (2,)),
        {"x": {3}},
        "a",
        "A ☂",
        60,
        False,
        2,
        minutes=5,
        retry=RetryPolicy(2, on=("OSError",)),
        jitter=7,
        tags=["t"],
    )
    scheduler.add_job(one, "cron", (1,), id="b", hour=3, timezone="Europe/Berlin")
    scheduler.add_job("tests.api.jobs:note", "date", run_date="2030-01-01", id="c")
    scheduler.pause_job("b")


def stripped(scheduler):
    """Return what an export keeps of each job: everything but the identity of this life."""
    return [{name: getattr(job, name) for name in ("id", *FIELDS)} for job in scheduler.get_jobs()]


FIELDS = (
    *("func_ref", "name", "args", "kwargs", "trigger", "executor", "next_run_time", "paused", "misfire_grace_time"),
    *("coalesce", "max_instances", "retry", "jitter", "tags", "broken"),
)


@pytest.mark.parametrize("through", ["path", "file"])
def test_a_schedule_goes_from_memory_to_a_database_and_back(make, sqlite_url, clock, tmp_path, through):
    memory, database, again = make(clock=clock), make(sqlite_url, clock=clock), make(clock=clock)
    fill(memory)
    source = memory
    for number, target in enumerate((database, again)):
        file = tmp_path / f"jobs{number}.json" if through == "path" else io.StringIO()
        source.export_jobs(file)
        if through == "file":
            file.seek(0)
        imported = target.import_jobs(file)
        assert {job.id for job in imported} == {"a", "b", "c"}
        assert stripped(target) == stripped(memory)
        source = target


def test_an_export_can_be_read_by_people(make, url, clock, tmp_path):
    scheduler = make(url, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="ä")
    scheduler.export_jobs(tmp_path / "jobs.json")
    text = (tmp_path / "jobs.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert '"id": "ä"' in text
    assert document["format"] == 1
    assert document["jobs"][0]["func"] == "tests.api.jobs:note"


def test_an_imported_job_is_another_incarnation(make, url, clock, tmp_path):
    scheduler = make(url, clock=clock)
    before = scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.export_jobs(tmp_path / "jobs.json")
    scheduler.remove_job("a")
    (after,) = scheduler.import_jobs(tmp_path / "jobs.json")
    assert after.incarnation not in ("", before.incarnation)
    assert scheduler.get_job("a") == after


def test_an_export_takes_one_store_or_all(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.add_job(note, "interval", hours=1, id="b", jobstore="other")
    for jobstore, ids in ((None, {"a", "b"}), ("other", {"b"})):
        out = io.StringIO()
        scheduler.export_jobs(out, jobstore)
        assert {job["id"] for job in json.loads(out.getvalue())["jobs"]} == ids


def test_a_job_that_cannot_be_written_leaves_the_file_as_it_was(make, clock, tmp_path):
    scheduler = make(clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    file = tmp_path / "jobs.json"
    file.write_text("precious")
    for func, args, message in ((lambda: None, (), "a lambda has no name"), (note, (object(),), r"args\[0\]")):
        scheduler.add_job(func, args=args, id="bad")
        with pytest.raises(SchedulerError, match=message):
            scheduler.export_jobs(file)
        assert file.read_text() == "precious"
        scheduler.remove_job("bad")


def test_an_export_replaces_a_file_as_a_whole(make, clock, tmp_path):
    """What had the old file open, here a second link to it, keeps the old content: it is not truncated."""
    scheduler = make(clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    file, old, through = tmp_path / "jobs.json", tmp_path / "old.json", tmp_path / "link.json"
    file.write_text("precious")
    file.chmod(0o640)
    old.hardlink_to(file)
    through.symlink_to(file)
    scheduler.export_jobs(through)
    assert old.read_text() == "precious"
    assert through.is_symlink()
    assert json.loads(file.read_text())["jobs"][0]["id"] == "a"
    assert file.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"jobs.json", "old.json", "link.json"}


def test_an_export_that_cannot_be_written_leaves_nothing_beside(make, clock, tmp_path):
    scheduler = make(clock=clock)
    with pytest.raises(IsADirectoryError):
        scheduler.export_jobs(tmp_path)
    with pytest.raises(FileNotFoundError):
        scheduler.export_jobs(tmp_path / "nowhere" / "jobs.json")
    assert list(tmp_path.iterdir()) == []


def test_an_export_may_go_to_what_is_not_a_file(make, clock):
    make(clock=clock).export_jobs("/dev/null")
    assert not Path("/dev/null").is_file()


def test_an_ended_job_whose_last_run_goes_on_is_not_exported(make, clock):
    scheduler = make(clock=clock)
    out = io.StringIO()
    jobs.present["action"] = lambda: scheduler.export_jobs(out)
    scheduler.add_job(act, id="last")
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.start()
    VirtualTime(clock, scheduler).settle()
    assert [job["id"] for job in json.loads(out.getvalue())["jobs"]] == ["a"]


def test_an_import_adds_all_or_none(make, url, clock, tmp_path):
    scheduler = make(url, clock=clock)
    fill(scheduler)
    scheduler.export_jobs(tmp_path / "jobs.json")
    scheduler.remove_job("a")
    with pytest.raises(ConflictingIdError, match=r"a job '[bc]' already; nothing was imported; remove that job first"):
        scheduler.import_jobs(tmp_path / "jobs.json")
    assert {job.id for job in scheduler.get_jobs()} == {"b", "c"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "this is not an export of jobs, as it is not JSON"),
        (lambda text: text[:-20], "this is not an export of jobs, as it is not JSON"),
        (lambda text: "[]", "this is not an export of jobs: it must be"),
        (lambda text: '{"format": 1, "jobs": 5}', "this is not an export of jobs: it must be"),
        (lambda text: '{"format": 2, "jobs": []}', "the export has format 2; this version reads 1"),
        (lambda text: '{"format": 1, "jobs": [5]}', r"jobs\[0\] must be an object, not 5"),
        (lambda text: text.replace('"coalesce": true', '"coalesce": "yes"'), "coalesce: expected true or false"),
        (lambda text: text.replace('"paused"', '"paussed"'), "this key is"),
        (lambda text: text.replace("tests.api.jobs:one", "no function"), "'no function' is not a reference"),
        (lambda text: text.replace('"hour": "3"', '"hour": "99"').replace('"hour": 3', '"hour": 99'), "hour"),
        (lambda text: text.replace('"id": "b"', '"id": ""'), "id must have 1 to 255 characters"),
        (lambda text: text.replace('"id": "b"', '"id": "b\\u0000"'), "must not contain NUL"),
        (lambda text: text.replace('"id": "b"', '"id": "a"'), "'a' already"),
        (
            lambda text: text.replace('"executor": "default"', '"executor": ""'),
            r"jobs\[0\]: executor must have 1 to 255",
        ),
        (lambda text: text.replace('"t"', '""'), "each tag must have 1 to 255 characters"),
        (lambda text: text.replace('"name": "A ☂"', '"name": ""'), "name must have 1 to 255 characters"),
        (
            lambda text: text.replace('"max_instances": 2', f'"max_instances": {10**30}'),
            "max_instances must be a whole",
        ),
        (lambda text: text.replace('_time": 60.0', '_time": 0'), "misfire_grace_time must be None"),
        (lambda text: text.replace('"paused": true', '"paused": false'), "'b' is not paused and has no next run time"),
        (lambda text: text.replace('"paused": false', '"paused": true'), "is paused and has the next run time 20"),
        (lambda text: text.replace("[", "[" * 100_000), "as it is not JSON"),
    ],
)
def test_a_file_that_is_not_right_adds_nothing(make, url, clock, change, message):
    scheduler = make(url, clock=clock)
    fill(scheduler)
    out = io.StringIO()
    scheduler.export_jobs(out)
    scheduler.remove_all_jobs()
    with pytest.raises(SchedulerError, match=message):
        scheduler.import_jobs(io.StringIO(change(out.getvalue())))
    assert scheduler.get_jobs() == []


def test_a_broken_job_is_not_exported_in_silence(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    damage(sqlite_url, "UPDATE scheduler_jobs SET args = '[1'")
    with pytest.raises(SerializationError, match="job 'a' cannot be exported, as it is broken"):
        scheduler.export_jobs(io.StringIO())


def test_a_file_that_is_not_text_is_not_an_export(make, clock, tmp_path):
    file = tmp_path / "jobs.json"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SerializationError, match="this is not an export of jobs, as it is not UTF-8"):
        make(clock=clock).import_jobs(file)


def test_a_file_that_is_not_there_is_named(make, clock, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        make(clock=clock).import_jobs(tmp_path / "nothing.json")
