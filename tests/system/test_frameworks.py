"""The programs of the page on frameworks, under their servers: each process that serves has a scheduler, no other."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from scheduler import RunState, Scheduler
from tests.system.processes import DEADLINE, ROOT, wait_until

EXAMPLES = ROOT / "docs" / "examples"
SYSTEMD = shutil.which("systemd-analyze")


class Site:
    """A copy of an example, and what its servers leave in the database."""

    def __init__(self, directory):
        self.directory = directory
        self.client = Scheduler(f"sqlite:///{directory / 'jobs.db'}", timezone="UTC")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @contextmanager
    def serving(self, *command, terminal=False):
        """Run a server until the block ends; then it is asked to end, and must. `terminal`: as by Ctrl-C."""
        process = self.start(*command)
        try:
            wait_until(lambda: self.ask("health") or process.poll() is not None, "an answer")
            yield process
            if terminal:
                with_group(process.pid, signal.SIGINT)
            else:
                process.terminate()
            process.wait(DEADLINE)
        finally:
            with_group(process.pid, signal.SIGKILL)
            process.communicate()

    def start(self, *command):
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command):
        """Run a command that ends by itself, and return what it wrote."""
        with self.start(*command) as process:
            output = process.communicate(timeout=DEADLINE)[0]
        assert process.returncode == 0, output
        return output

    def ask(self, path, method="GET"):
        """What the server answers; None: it does not."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return json.load(answer)
        except OSError:
            return None

    def nodes(self):
        """The ids of the processes that drive the jobs."""
        return {node.pid for node in self.client.health().nodes}

    def runs(self):
        return self.client.get_runs("tick", limit=1000)

    def check_runs(self, result="tock"):
        """Each fire was run once, by one of those that serve."""
        wait_until(lambda: len(self.client.get_runs("tick", state="SUCCESS")) >= 3, "the runs")
        runs = self.runs()
        assert len({run.scheduled_time for run in runs}) == len(runs)
        assert {run.state for run in runs} <= {RunState.SUCCESS, RunState.SKIPPED, RunState.STARTED}
        assert {run.result for run in runs if run.state is RunState.SUCCESS} == {result}

    def check_end(self):
        """All have left, and what ran has ended; fires may have been skipped while a reloader had none serve."""
        wait_until(lambda: self.nodes() == set(), "the end of all schedulers")
        assert {run.state for run in self.runs()} <= {RunState.SUCCESS, RunState.SKIPPED}


def with_group(session, number):
    try:
        os.killpg(session, number)
    except ProcessLookupError:
        return


@pytest.fixture
def site(tmp_path, request):
    directory = tmp_path / "site"
    shutil.copytree(EXAMPLES / request.param, directory, ignore=shutil.ignore_patterns("__pycache__"))
    site = Site(directory)
    yield site
    site.client.close()


def gunicorn(site, application):
    return ("-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", f"127.0.0.1:{site.port}", application)


@pytest.mark.parametrize("site", ["flask"], indirect=True)
def test_flask_in_debug_mode_has_one_scheduler_also_after_a_reload(site):
    with site.serving("web.py", str(site.port), terminal=True):
        first = site.ask("health")
        assert first["ok"]
        assert site.nodes() == {first["process"]}
        site.check_runs()
        jobs = site.directory / "jobs.py"
        jobs.write_text(jobs.read_text().replace('"tock"', '"tack"'))
        wait_until(lambda: (site.ask("health") or first) != first, "the reload")
        second = site.ask("health")
        assert site.nodes() == {second["process"]}
        wait_until(lambda: site.runs()[0].result == "tack", "a run of the new code")
    site.check_end()


@pytest.mark.parametrize("site", ["flask"], indirect=True)
def test_flask_under_gunicorn_runs_each_fire_once_in_four_workers_forked_from_a_loaded_program(site):
    with site.serving(*gunicorn(site, "web:app"), "--preload") as server:
        wait_until(lambda: len(site.nodes()) == 4, "the start of all workers")
        assert server.pid not in site.nodes()
        assert site.ask("ticks", "POST")["run"]
        site.check_runs()
    assert server.returncode == 0
    site.check_end()


@pytest.mark.parametrize("site", ["django"], indirect=True)
def test_django_starts_it_in_the_child_of_runserver_and_not_for_commands(site):
    site.run("manage.py", "migrate")
    assert not (site.directory / "jobs.db").exists()
    with site.serving("manage.py", "runserver", f"127.0.0.1:{site.port}", terminal=True):
        health = site.ask("health")
        assert health["ok"]
        assert site.nodes() == {health["process"]}
        site.check_runs(result=1)
        site.run("manage.py", "check")
        assert site.nodes() == {health["process"]}
    site.check_end()


@pytest.mark.parametrize("site", ["django"], indirect=True)
def test_django_under_gunicorn_runs_each_fire_once(site):
    site.run("manage.py", "migrate")
    with site.serving(*gunicorn(site, "project.wsgi")) as server:
        wait_until(lambda: len(site.nodes()) == 2, "the start of both workers")
        site.check_runs(result=1)
    assert server.returncode == 0
    site.check_end()


@pytest.mark.parametrize("site", ["fastapi"], indirect=True)
def test_fastapi_under_uvicorn_runs_each_fire_once_in_two_workers(site):
    with site.serving("-m", "uvicorn", "web:app", "--workers", "2", "--port", str(site.port)) as server:
        wait_until(lambda: len(site.nodes()) == 2, "the start of both workers")
        assert server.pid not in site.nodes()
        assert site.ask("health")["ok"]
        assert site.ask("ticks", "POST") == {"result": "tock"}
        site.check_runs()
    site.check_end()


@pytest.mark.parametrize("program", ["program.py", "service.py"])
@pytest.mark.parametrize("site", ["service"], indirect=True)
def test_a_program_of_its_own_lets_what_runs_end_when_it_is_told_to(site, program):
    process = site.start(program)
    try:
        wait_until(lambda: (site.directory / "jobs.db").exists() and site.nodes() == {process.pid}, "the start")
        site.check_runs()
        wait_until(lambda: site.client.get_runs("tick", state="STARTED"), "a run that is under way")
        process.terminate()
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        output = process.communicate()[0]
    assert output == ""
    site.check_end()


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not there")
def test_the_unit_is_one_that_systemd_understands(tmp_path):
    unit = tmp_path / "reports.service"
    text = (EXAMPLES / "service" / "reports.service").read_text()
    unit.write_text(text.replace("/srv/reports/venv/bin/python", sys.executable))
    done = subprocess.run([SYSTEMD, "verify", unit], capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_gives_the_program_more_time_than_it_takes_to_shut_down():
    unit = (EXAMPLES / "service" / "reports.service").read_text()
    program = Path(EXAMPLES / "service" / "service.py").read_text()
    assert "TimeoutStopSec=60" in unit
    assert "run_forever(timeout=50)" in program
