"""The application. Django calls `ready` in every process: servers, the reloader that watches files, each command."""

import atexit
import os

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self):
        if os.environ.get("RUN_MAIN") == "true":  # the child of runserver's reloader, which serves
            from reports import jobs

            jobs.start()
            atexit.register(jobs.stop)  # before the reloader starts the next one
