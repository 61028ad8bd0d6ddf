"""What is stored as text: values, functions, triggers and whole jobs ⇄ JSON that a person can read."""

from scheduler.serialization.functions import FunctionLoader, reference, resolve
from scheduler.serialization.jobs import FORMAT, JobCodec, check_format
from scheduler.serialization.triggers import TriggerCodec
from scheduler.serialization.values import ValueCodec

__all__ = [
    "FORMAT",
    "FunctionLoader",
    "JobCodec",
    "TriggerCodec",
    "ValueCodec",
    "check_format",
    "reference",
    "resolve",
]
