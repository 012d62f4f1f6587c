"""What the runner says while it works, on stderr."""

import sys


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def seconds_left(jobs, rounds):
    """A job that has run takes as long again. The others take what their cases say, times how far that was off until now."""
    known = [job for job in jobs if job.runs and not job.is_over]
    guessed = sum(job.case.seconds for job in known)
    pace = sum(job.seconds for job in known) / guessed if guessed else 1
    return sum((rounds - job.runs) * (job.seconds if job.runs else pace * job.case.seconds) for job in jobs if not job.is_over)


def show_progress(done, jobs, rounds, job):
    left = int(seconds_left(jobs, rounds))
    text = f"bench: {done}/{rounds * len(jobs)}, {left // 60}:{left % 60:02d} left, {job.name()}"
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:118]}", end="", file=sys.stderr, flush=True)
    elif done % 50 == 0:
        print(text, file=sys.stderr, flush=True)


def end_progress():
    """What is said next begins a line."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
