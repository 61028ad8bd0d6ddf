"""Cron: wall times that match fields. Text → expressions → keywords or crontab → schedule → instants → trigger."""

from scheduler.triggers.cron.trigger import CronTrigger

__all__ = ["CronTrigger"]
