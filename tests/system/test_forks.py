"""Schedulers in processes that are forked: each child has a stopped one, and harms nothing of its parent's."""

import os
import subprocess
import sys

import pytest

from tests.system.processes import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")


def check(name, url):
    # That threads run while a process forks is what is tested; Python warns of it from 3.12 on.
    command = [sys.executable, "-W", "ignore", "-m", "tests.system.fork_programs", name, url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("as it should be\n", "")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "memory":
        return "memory"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    return request.getfixturevalue("schema_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    return f"sqlite:///{tmp_path / 'jobs.db'}" if request.param == "sqlite" else request.getfixturevalue("schema_url")


def test_children_use_the_scheduler_as_clients_while_the_parent_goes_on(url):
    check("clients", url)


def test_locks_that_threads_of_the_parent_hold_do_not_block_the_child(url):
    check("locks", url)


def test_the_child_of_a_job_has_a_stopped_scheduler(url):
    check("inside", url)


def test_the_child_of_a_job_ends_when_it_returns_from_the_function():
    check("returned", "memory")


def test_a_child_that_starts_the_scheduler_is_another_node(database):
    check("node", database)


def test_a_child_goes_on_with_a_database_that_its_parent_has_closed(database):
    check("outlived", database)


def test_a_child_that_starts_a_scheduler_in_memory_has_jobs_of_its_own():
    check("alone", "memory")


def test_a_scheduler_that_was_only_used_may_be_started_in_each_child(url):
    check("unstarted", url)


def test_what_a_job_forks_under_run_forever_can_be_ended_by_a_signal():
    check("signals", "memory")
