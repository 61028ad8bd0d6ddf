"""The jobs of the site, and the scheduler that runs them. To import this starts nothing."""

from functools import partial

from django.contrib.contenttypes.models import ContentType
from django.db import close_old_connections

from scheduler import Scheduler
from scheduler.executors import ThreadPoolExecutor


def with_sound_connections(func, *args, **kwargs):
    """Call a function as Django calls views: connections that are broken or too old are not used."""
    close_old_connections()
    try:
        return func(*args, **kwargs)
    finally:
        close_old_connections()


class DjangoThreads(ThreadPoolExecutor):
    """Threads whose functions may use the models."""

    def submit(self, calls):
        super().submit([call._replace(func=partial(with_sound_connections, call.func)) for call in calls])


scheduler = Scheduler("sqlite:///jobs.db", executors={"default": DjangoThreads(10)}, timezone="UTC")


def tick():
    return ContentType.objects.count()


def start():
    """Called once in each process that serves, after it was forked."""
    scheduler.add_job(tick, "interval", seconds=0.5, id="tick", replace_existing=True)
    scheduler.start()


def stop():
    """Called before such a process ends: what runs has 20 seconds to end."""
    if scheduler.running:
        scheduler.shutdown(timeout=20)
