"""Ctrl-C at every line of gevent's own import: the program that catches it and goes on is cooperative all the same.

Usage: python interrupts.py [WHICH/EVERY [STATEMENT]], for instance 0/20 "import socket". Each try is a process of its own, in
which the signal comes at one line that gevent, greenlet or zope.interface execute, or importlib for them. What was lost
is printed, then the number of lines and of tries. Run it armed: PYTHONCOOPPATCH=all.
"""

import os
import posix
import sys

assert not {"gevent", "socket", "threading", "signal", "select", "queue"} & set(sys.modules)
import _signal  # noqa: E402  # what comes first must not have loaded it

TARGETS = ("socket", "ssl", "select", "selectors", "threading", "subprocess", "signal", "queue")
PARTS = tuple(f"{os.sep}{name}{os.sep}" for name in ("gevent", "greenlet", "zope"))
IMPORTLIB = "<frozen importlib._bootstrap>"


class At:
    """A trace function that sends the signal at one of the lines that gevent's import executes."""

    def __init__(self, number):
        self.number, self.count, self.place = number, 0, ""
        self.rounds = {}  # (code, line) -> how often it was executed: a few rounds of a loop are enough

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if any(part in code.co_filename for part in PARTS):
            return self.line
        # importlib's own handling of its locks is not proof against Ctrl-C; what it does between them is.
        if code.co_filename == IMPORTLIB and code.co_name == "_find_and_load_unlocked":
            return self.line if str(frame.f_locals.get("name")).startswith(("gevent", "greenlet", "zope")) else None
        return None

    def line(self, frame, event, argument):
        here = frame.f_code, frame.f_lineno
        self.rounds[here] = self.rounds.get(here, 0) + (event == "line")
        if event == "line" and (self.rounds[here] <= 3 or frame.f_code.co_filename == IMPORTLIB):
            self.count += 1
            if self.count == self.number:
                self.place = f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
                _signal.raise_signal(_signal.SIGINT)
        return self.line


def judge():
    """What is lost, after the program has gone on."""
    import lazypatch

    for name in TARGETS:
        __import__(name)
    for name in ("os", "time", "_thread", *TARGETS):
        if lazypatch.state(name) not in ("installed", "late"):
            yield f"{name} is {lazypatch.state(name)}"
    for name in list(sys.modules):
        package, _, last = name.rpartition(".")
        if name.startswith("gevent.") and not hasattr(sys.modules[package], last):
            yield f"{name} is no attribute of {package}"
    import queue
    import socket
    import subprocess
    import threading

    answers = queue.Queue()
    thread = threading.Thread(target=lambda: answers.put(threading.current_thread()))
    thread.start()
    thread.join(10)
    if answers.get(timeout=10) is not thread or thread.is_alive():
        yield "a thread does not work"
    left, right = socket.socketpair()
    left.sendall(b"x")
    if right.recv(1) != b"x":
        yield "a socket does not work"
    if subprocess.run(["true"]).returncode:
        yield "a child does not work"
    if sys.modules["gevent"].socket.socket is not socket.socket:
        yield "two sockets"


def one(number, code):
    """In a child: 0 if nothing was lost."""
    _signal.alarm(60)
    at, outcome = At(number), None
    sys.settrace(at)
    try:
        exec(code, {})
    except BaseException as error:
        outcome = error
    sys.settrace(None)
    if number == 0:
        return at.count
    if type(outcome) is not KeyboardInterrupt:
        found = [f"the program got {outcome!r}"]
    else:
        try:
            found = list(judge())
        except BaseException as error:
            import traceback

            traceback.print_exc()
            found = [f"while judging: {error!r}"]
    for text in found:
        print(f"{number} {at.place}: {text}", flush=True)
    return bool(found)


def child(number, code):
    read, write = posix.pipe()
    pid = posix.fork()
    if not pid:
        result = one(number, code)
        posix.write(write, str(int(result)).encode())
        posix._exit(0)
    posix.close(write)
    answer = posix.read(read, 99)
    posix.close(read)
    status = posix.waitpid(pid, 0)[1]
    if status:
        print(f"{number}: ended by {status}")
    return int(answer or b"1")


def main(share="0/20", statement="import socket"):
    which, every = map(int, share.split("/"))
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    code = compile(statement, "<program>", "exec")
    lines = child(0, code)
    numbers = range(which or every, lines + 1, every)
    lost = sum(child(number, code) for number in numbers)
    print(f"lines {lines} tries {len(numbers)} lost {lost}")
    assert lines and not lost
    print("ok")


main(*sys.argv[1:])
