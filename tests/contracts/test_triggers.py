"""The laws of triggers on triggers of every kind."""

from scheduler.testing import TriggerLaws
from tests.triggers.samples import END, OWN, START, TRIGGERS


class TestSamples(TriggerLaws):
    triggers = TRIGGERS
    registered = OWN
    start = START
    end = END
