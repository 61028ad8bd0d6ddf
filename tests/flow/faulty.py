"""A job store that works like the one inside it, until a test says otherwise."""

from contextlib import contextmanager

from scheduler.errors import StoreUnavailableError
from scheduler.jobstores import JobStore


class Crash(BaseException):
    """The process ends here: nothing after this line is executed."""


def crash(*_):
    raise Crash


def lose_the_answer(*_):
    raise StoreUnavailableError("the connection broke before the answer came")


def nothing(*_):
    pass


def _passed_on(name):
    def call(self, *args, **kwargs):
        self.reach()
        return getattr(self.inner, name)(*args, **kwargs)

    return call


class FaultyStore(JobStore):
    """Passes every call on to `inner`.

    `away` makes every call fail. `before_commit` and `after_commit` are called at the end of each turn that wrote
    runs, with what it did: `record`, `finish`, `revoke`, `progress`. `before_turn` is called when one is to begin.
    """

    shared = True

    def __init__(self, inner):
        self.inner = inner
        self.persistent = inner.persistent
        self.away = False
        self.before_turn = self.before_commit = self.after_commit = nothing

    def reach(self):
        if self.away:
            raise StoreUnavailableError("the database is away")

    @contextmanager
    def turn(self):
        self.reach()
        self.before_turn()
        did = set()
        with self.inner.turn() as turn:
            for name in ("record", "finish", "revoke", "progress"):
                self._note(name, turn, did)
            yield turn
            if did:
                self.before_commit(did)
        if did:
            self.after_commit(did)

    @staticmethod
    def _note(name, turn, did):
        method = getattr(turn, name)

        def noted(*args):
            did.add(name)
            return method(*args)

        setattr(turn, name, noted)

    def open(self, clock):
        self.inner.open(clock)

    def close(self):
        self.inner.close()

    def now(self):
        return self.inner.now()

    write_jobs = _passed_on("write_jobs")
    remove_job = _passed_on("remove_job")
    remove_all_jobs = _passed_on("remove_all_jobs")
    get_job = _passed_on("get_job")
    get_jobs = _passed_on("get_jobs")
    get_run = _passed_on("get_run")
    get_runs = _passed_on("get_runs")
    next_due = _passed_on("next_due")
    heartbeat = _passed_on("heartbeat")
    holders = _passed_on("holders")
    executors = _passed_on("executors")
    nodes = _passed_on("nodes")
    held_by = _passed_on("held_by")
    prune = _passed_on("prune")
    prune_job = _passed_on("prune_job")
