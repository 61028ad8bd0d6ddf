"""Jobs out of a scheduler and into another: as a listing for people, and as JSON that can be imported."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, TextIO

from scheduler.core.job import Job
from scheduler.errors import ConflictingIdError, InvalidJobError, SerializationError
from scheduler.handles import describe_job
from scheduler.jobstores.base import JobStore
from scheduler.lookups import Lookups
from scheduler.operations import Operations
from scheduler.validation import check_stored
from scheduler.wording import describe, show

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
            if not job.ended:  # it would never fire, and only stays until its last run has ended
                documents.append({"jobstore": alias, **store.codec.encode(job)})
    text = json.dumps({"format": FORMAT, "jobs": documents}, indent=2, ensure_ascii=False) + "\n"
    if isinstance(outfile, (str, os.PathLike)):
        _write(Path(outfile), text)
    else:
        outfile.write(text)


def import_jobs(operations: Operations, infile: File, jobstore: str) -> list[Job]:
    """Add the jobs of an export to one store, with their timing and pause, all or none."""
    store = operations.lookups.store(jobstore)
    jobs = [_read_job(document, number, store, jobstore) for number, document in enumerate(_documents(infile))]
    try:
        operations.insert(jobstore, jobs)
    except ConflictingIdError as error:
        remedy = "nothing was imported; remove that job first, or change the id in the export"
        raise ConflictingIdError(error.job_id, remedy) from None
    return jobs


def _documents(infile: File) -> list[Any]:
    """Return the documents of an export, each of which may still be anything."""
    try:
        text = Path(infile).read_text("utf-8") if isinstance(infile, (str, os.PathLike)) else infile.read()
    except UnicodeDecodeError as error:
        raise SerializationError(f"this is not an export of jobs, as it is not UTF-8: {error}") from None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SerializationError(f"this is not an export of jobs, as it is not JSON: {describe(error)}") from None
    jobs = data.get("jobs") if isinstance(data, dict) else None
    if not isinstance(jobs, list):
        raise SerializationError('this is not an export of jobs: it must be {"format": 1, "jobs": […]}')
    if data.get("format") != FORMAT:
        raise SerializationError(f"the export has format {show(data.get('format'))}; this version reads {FORMAT}")
    return jobs


def _read_job(document: Any, number: int, store: JobStore, jobstore: str) -> Job:
    """Return the job of a document, as a new incarnation, checked as one that is added."""
    if not isinstance(document, dict):
        raise SerializationError(f"jobs[{number}] must be an object, not {show(document)}")
    fields = {key: value for key, value in document.items() if key != "jobstore"}
    job = replace(store.codec.decode(fields, jobstore), incarnation=secrets.token_hex(8), version=1)
    try:
        check_stored(job)
    except InvalidJobError as error:
        raise InvalidJobError(f"jobs[{number}]: {error}") from None
    return job


def _write(path: Path, text: str) -> None:
    """Write a file as a whole: whatever goes wrong, an earlier one stays as it was."""
    path = path.resolve()  # the file that a link leads to, not the link
    if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced; a folder raises here
        path.write_text(text, encoding="utf-8")
        return
    beside = path.with_name(f".export-{secrets.token_hex(8)}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
