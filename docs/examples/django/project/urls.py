"""What the site answers."""

import os

from django.http import JsonResponse
from django.urls import path

from reports.jobs import scheduler


def health(request):
    return JsonResponse({"ok": scheduler.health().ok, "process": os.getpid()})


urlpatterns = [path("health", health)]
