"""The examples in Python as tests: what they need to report in TAP."""

import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

_examples = []


def example(function):
    """Marks a function that run() calls; its name says what it shows."""
    _examples.append(function)
    return function


@contextmanager
def fails(exception, text=""):
    """The block, which shows the wrong way, raises this (or one of these)."""
    try:
        yield
    except exception as error:
        assert text in str(error), f"{text!r} is not in {error!r}"
    else:
        raise AssertionError(f"{exception} was expected")


def at_once(function, times=8):
    """Calls the function in so many threads at once; returns the answers."""
    barrier = threading.Barrier(times, timeout=30)

    def call(number):
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(call, range(times)))


def run(*arguments):
    """Calls every example with these arguments."""
    print(f"1..{len(_examples)}", flush=True)
    failed = 0
    for number, function in enumerate(_examples, 1):
        name = function.__name__.replace("_", " ")
        try:
            function(*arguments)
        except Exception:
            failed = 1
            print("not ok", number, "-", name)
            for line in traceback.format_exc().splitlines():
                print("#", line)
        else:
            print("ok", number, "-", name)
        sys.stdout.flush()
    sys.exit(failed)
