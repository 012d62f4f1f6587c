"""What the runner says while it works, on stderr."""

import sys
import time


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def show_progress(done, total, begin, job):
    spent = time.monotonic() - begin
    left = int(spent / done * (total - done)) if done else 0
    text = f"bench: {done}/{total}, {left // 60}:{left % 60:02d} left, {job.name()}" if done else f"bench: 0/{total}, {job.name()}"
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:118]}", end="", file=sys.stderr, flush=True)
    elif done % 50 == 0:
        print(text, file=sys.stderr, flush=True)
