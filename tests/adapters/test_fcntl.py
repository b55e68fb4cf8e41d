"""flock, lockf and fcntl wait for a lock while the others run, between processes and between threads of one."""

from __future__ import annotations

import pathlib

import pytest
from conftest import run_code, run_python

# Another process, in plain Python, holds the file until its standard input ends.
PRELUDE = """
import fcntl, os, struct, subprocess, sys, threading, time
import gevent, lazypatch
path = sys.argv[1]
for module, name in ((fcntl, "flock"), (fcntl, "lockf"), (fcntl, "fcntl"), (os, "lockf")):
    assert lazypatch.get_original(module.__name__, name) is not getattr(module, name)
WHOLE = struct.pack("hhllhh", fcntl.F_WRLCK, 0, 0, 0, 0, 0)
TAKE = {
    "flock": lambda fd: fcntl.flock(fd, fcntl.LOCK_EX),
    "shared": lambda fd: fcntl.flock(fd, fcntl.LOCK_SH),
    "lockf": lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX),
    "part": lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX, 1, 0, os.SEEK_SET),
    "fcntl": lambda fd: fcntl.fcntl(fd, fcntl.F_SETLKW, WHOLE),
    "os.lockf": lambda fd: os.lockf(fd, os.F_LOCK, 1),
}
take = TAKE[sys.argv[2]]
how = "flock" if sys.argv[2] in ("flock", "shared") else "lockf"
def elsewhere():
    code = f"import fcntl, sys; f = open({path!r}, 'r+'); fcntl.{how}(f, fcntl.LOCK_EX); print('has it', flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-E", "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"has it\\n"
    return child
def is_free():
    code = f"import fcntl; f = open({path!r}, 'r+'); fcntl.{how}(f, fcntl.LOCK_EX | fcntl.LOCK_NB)"
    return subprocess.run([sys.executable, "-E", "-S", "-c", code], stderr=subprocess.DEVNULL).returncode == 0
fd = os.open(path, os.O_RDWR)
"""
WAYS = ("flock", "shared", "lockf", "part", "fcntl", "os.lockf")


def run(folder: pathlib.Path, way: str, code: str) -> None:
    path = folder / "file"
    path.write_text("text")
    done = run_python("-c", PRELUDE + code, str(path), way, spec="all")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_the_others_run_while_it_waits_for_another_process(way: str, tmp_path: pathlib.Path) -> None:
    """It is one of them that ends the wait; the lock is held then."""
    run(
        tmp_path,
        way,
        """
child, seen = elsewhere(), []
def end():
    for n in range(20): seen.append(n); time.sleep(0.001)
    child.communicate(b"")
threading.Thread(target=end).start()
take(fd)
assert seen == list(range(20)) and not is_free()
os.close(fd)
assert is_free()
""",
    )


def test_threads_of_one_process_exclude_each_other_by_flock(tmp_path: pathlib.Path) -> None:
    run(
        tmp_path,
        "flock",
        """
inside, most = [], []
def use():
    with open(path, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        inside.append(1); most.append(len(inside)); time.sleep(0.005); inside.pop()
threads = [threading.Thread(target=use) for _ in range(5)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert most == [1] * 5
""",
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["Timeout", "kill", "Ctrl-C"])
def test_what_ends_the_wait_leaves_no_lock(way: str, end: str, tmp_path: pathlib.Path) -> None:
    run(
        tmp_path,
        way,
        f"""
child = elsewhere()
if {end!r} == "Timeout":
    with gevent.Timeout(0.05, False): take(fd); raise AssertionError
elif {end!r} == "kill":
    waits = gevent.spawn(take, fd)
    gevent.sleep(0.05); waits.kill()
    assert isinstance(waits.value, gevent.GreenletExit)
else:
    import signal
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try: signal.setitimer(signal.ITIMER_REAL, 0.05); take(fd)
    except KeyboardInterrupt: pass
child.communicate(b"")
gevent.sleep(0.1)
assert is_free()
""",
    )


@pytest.mark.parametrize("way", ["flock", "lockf"])
def test_what_does_not_wait_goes_straight_through(way: str, tmp_path: pathlib.Path) -> None:
    """Errors included, and in a native thread everything waits natively."""
    run(
        tmp_path,
        way,
        """
child = elsewhere()
for call in (lambda: getattr(fcntl, how)(fd, fcntl.LOCK_EX | fcntl.LOCK_NB), lambda: os.lockf(fd, os.F_TLOCK, 1)):
    try: call()
    except OSError as error: assert type(error) is BlockingIOError
    else: assert how == "flock" and call.__code__.co_names[0] == "os"
got = []
thread = lazypatch.original("threading").Thread(target=lambda: (take(fd), got.append(1)))
thread.start()
gevent.sleep(0.05)
assert not got
child.communicate(b"")
while thread.is_alive(): gevent.sleep(0.01)
assert got and not is_free()
getattr(fcntl, how)(fd, fcntl.LOCK_UN)
assert is_free()
""",
    )


def test_errors_and_signatures_are_the_native_ones() -> None:
    code = """
import fcntl, inspect, os, threading
def outcome(call):
    try: return call()
    except Exception as error: return type(error).__name__, args and str(error)  # else it says what Python says
for name in ("flock", "lockf", "fcntl"):
    function = getattr(fcntl, name)
    print(name, inspect.signature(function), function.__module__, function.__qualname__, function.__doc__)
    for args in ((), (-1, 2), ("x", 2), (0, "x"), (10 ** 30, 1), (9999, 2), (9999, 6), (0, 99)):
        print(args, outcome(lambda: function(*args)))
args = ()
print(outcome(lambda: fcntl.flock(fd=0, operation=1)), outcome(lambda: fcntl.lockf(0, 2, whence=1)))
print(inspect.signature(os.lockf), os.lockf.__doc__, outcome(lambda: os.lockf(9999, 1, 1)), outcome(lambda: os.lockf(0, "x", 1)))
print(fcntl.fcntl(2, fcntl.F_GETFD))
"""
    assert run_code(code, spec="all") == run_code(code)
