"""Ctrl-C and SIGTERM end a run in order: they raise `Stopped` where the runner is, once."""

import contextlib
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """No `Exception`, since a job that is stopped has not failed."""

    def __init__(self, number):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.status = 128 + number


def stop(number, _):
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # what is left to do is short, and is not to be left half done
    raise Stopped(number)


@contextlib.contextmanager
def stoppable():
    before = [(each, signal.signal(each, stop)) for each in SIGNALS]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)
