"""Jobs out of a scheduler and into another: as a listing for people, and as JSON that can be imported."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, TextIO

from scheduler.core.job import Job
from scheduler.errors import SerializationError
from scheduler.handles import describe_job
from scheduler.lookups import Lookups
from scheduler.operations import Operations
from scheduler.validation import checked_id

FORMAT = 1
"""The version of an export's outer form."""

File = str | os.PathLike[str] | TextIO


def print_jobs(lookups: Lookups, jobstore: str | None, out: TextIO, zone: tzinfo) -> None:
    """Write a line for each job, by store."""
    for alias in lookups.aliases(jobstore):
        print(f"Jobstore {alias}:", file=out)
        jobs = lookups.get_jobs(alias, tag=None, broken=None)
        for job in jobs:
            when = None if job.next_run_time is None else job.next_run_time.astimezone(zone)
            print(f"    {describe_job(job, when)}", file=out)
        if not jobs:
            print("    No scheduled jobs", file=out)


def export_jobs(lookups: Lookups, outfile: File, jobstore: str | None) -> None:
    """Write all sound jobs as one JSON document. Raises SerializationError, and writes nothing, if one cannot be."""
    documents = []
    for alias in lookups.aliases(jobstore):
        store = lookups.store(alias)
        for job in store.get_jobs():
            if job.broken is not None:
                raise SerializationError(f"job {job.id!r} cannot be exported, as it is broken: {job.broken}")
            documents.append({"jobstore": alias, **store.codec.encode(job)})
    text = json.dumps({"format": FORMAT, "jobs": documents}, indent=2, ensure_ascii=False)
    with _opened(outfile, "w") as file:
        file.write(text + "\n")


def import_jobs(operations: Operations, infile: File, jobstore: str) -> list[Job]:
    """Add the jobs of an export to one store, with their timing and pause, all or none."""
    with _opened(infile, "r") as file:
        text = file.read()
    try:
        data = json.loads(text)
    except ValueError as error:
        raise SerializationError(f"this is not an export of jobs, as it is not JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), list):
        raise SerializationError('this is not an export of jobs: it must be {"format": 1, "jobs": […]}')
    if data.get("format") != FORMAT:
        raise SerializationError(f"the export has format {data.get('format')!r}; this version reads {FORMAT}")
    store = operations.lookups.store(jobstore)
    jobs = []
    for number, document in enumerate(data["jobs"]):
        if not isinstance(document, dict):
            raise SerializationError(f"jobs[{number}] must be an object, not {document!r}")
        fields: dict[str, Any] = {key: value for key, value in document.items() if key != "jobstore"}
        job = store.codec.decode(fields, jobstore)
        checked_id(job.id)
        jobs.append(replace(job, incarnation=secrets.token_hex(8), version=1))
    operations.insert(jobstore, jobs)
    return jobs


@contextmanager
def _opened(file: File, mode: str) -> Iterator[TextIO]:
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open(mode, encoding="utf-8") as opened:
            yield opened  # type: ignore[misc]
    else:
        yield file
