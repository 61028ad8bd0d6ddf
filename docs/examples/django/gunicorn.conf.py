"""Settings of gunicorn: each worker process has a scheduler, from after its fork until it ends."""

workers = 2
graceful_timeout = 30  # longer than the scheduler is given to shut down


def post_worker_init(worker):
    from reports import jobs

    jobs.start()


def worker_exit(server, worker):
    from reports import jobs

    jobs.stop()
