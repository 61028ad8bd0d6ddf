"""Options that a call does not take: where they belong, or what they are called here."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from scheduler.errors import SchedulerError
from scheduler.validation import signature_of, target

_RETRY = "here it is retry=, a number of retries or a RetryPolicy"
_TIMEOUT = "here it is timeout="
_ON_FAILURE = "here it is on_failure=, of add_job"
_ONCE = 'submit takes it; to add a job that runs once, pass "date", run_date=…'

OF_OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "max_retries": _RETRY,
        "retries": _RETRY,
        "time_limit": _TIMEOUT,
        "soft_time_limit": _TIMEOUT,
        "job_timeout": _TIMEOUT,
        "on_error": _ON_FAILURE,
        "on_exception": _ON_FAILURE,
        "result_ttl": "here it is keep_runs=, of add_job, or Scheduler(history=History(keep_for=…)), for all jobs",
        "depends_on": 'here it is a trigger: add_job(…, "after", job_id=…)',
        "queue": "here it is executor=, of add_job and submit",
        "expires": "here it is misfire_grace_time=, of add_job",
        "countdown": _ONCE,
        "eta": _ONCE,
    }
)
"""Well-known names of other libraries (Celery, RQ, Dramatiq, Huey) → what to write here."""


def argument_of(func: Any, name: str) -> str:
    """Return the hint for an argument that the job's function takes; empty where it takes none of that name."""
    try:
        signature = signature_of(target(func))
    except SchedulerError:
        return ""
    found = None if signature is None else signature.parameters.get(name)
    if found is None or found.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
        return ""
    return f"{name}= is an argument of the function; pass kwargs={{{name!r}: …}}"
