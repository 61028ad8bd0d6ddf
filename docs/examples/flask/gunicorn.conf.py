"""Settings of gunicorn: each worker process has a scheduler, from after its fork until it ends."""

workers = 4
graceful_timeout = 30  # longer than the scheduler is given to shut down


def post_worker_init(worker):
    import jobs

    jobs.start()


def worker_exit(server, worker):
    import jobs

    jobs.stop()
