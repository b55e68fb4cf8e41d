"""subprocess does what Python's does, and lets the others run."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
from conftest import run_code, run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork does not exist here")

START = """
import gevent, os, subprocess, sys, threading, time
from subprocess import PIPE
ticks = []
def tick():
    while True:
        ticks.append(1)
        time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
time.sleep(0.02)
if "lazypatch._session" in sys.modules:
    native = __import__("lazypatch").get_original("subprocess", "Popen")
    assert subprocess.Popen is not native and issubclass(subprocess.Popen, native), "not armed, so this tests nothing"
"""


FIFO = """
os.chdir(os.environ["HERE"]); os.mkfifo("fifo")
def tell():
    for _ in range(4): time.sleep(0.01)
    while True:
        try: return os.close(os.open("fifo", os.O_WRONLY | os.O_NONBLOCK))
        except OSError: time.sleep(0.01)
threading.Thread(target=tell).start()
"""


def both(code: str, **env: str) -> str:
    """What *code* prints, which is the same as it prints natively."""
    plain, armed = run_python("-c", code, **env), run_python("-c", code, spec="all", **env)
    assert (armed.stdout, armed.returncode) == (plain.stdout, plain.returncode), (plain, armed)
    assert plain.returncode == 0, plain.stderr
    return plain.stdout


@pytest.mark.parametrize(
    "wait",
    [
        "assert subprocess.run(['/bin/sh', '-c', 'read x <fifo; exit 3']).returncode == 3",
        "assert subprocess.run(['/bin/sh', '-c', 'read x <fifo; echo x'], stdout=PIPE).stdout == b'x\\n'",
        "assert subprocess.run(['/bin/sh', '-c', 'read x <fifo; cat'], input='é', text=True, capture_output=True).stdout == 'é'",
        "assert subprocess.check_output('read x <fifo; echo x', shell=True, bufsize=0) == b'x\\n'",
        "p = subprocess.Popen('read x <fifo; echo x; echo y', shell=True, stdout=PIPE, text=True); assert list(p.stdout) == ['x\\n', 'y\\n']",
        "p = subprocess.Popen('read x <fifo; wc -c', shell=True, stdin=PIPE, bufsize=0); assert p.stdin.write(b'x' * 300000) == 300000; p.stdin.close()",
        "p = subprocess.Popen('read x <fifo; wc -c', shell=True, stdin=PIPE, stdout=PIPE); p.stdin.write(b'x' * 300000); p.stdin.close(); assert p.stdout.read().split() == [b'300000']",
        "assert os.popen('read x <fifo; exit 3').close() == 3 << 8",
        "assert os.popen('read x <fifo; echo x').read() == 'x\\n'",
        "assert subprocess.Popen(['cat', 'fifo']).wait(5) == 0",
        "assert subprocess.getstatusoutput('read x <fifo; echo x; exit 2') == (2, 'x')",
    ],
)  # fmt: skip
def test_what_waits_lets_the_others_run(wait: str, tmp_path: pathlib.Path) -> None:
    """The processes read from a FIFO, to which another thread writes when it has run: a wait that stops it never ends."""
    run_code(START + FIFO + wait, spec="all", HERE=str(tmp_path))


def test_a_time_out_ends_when_the_child_is_dead_whoever_holds_its_pipe() -> None:
    """And keeps what came before."""
    out = both(
        START
        + """
begin = time.monotonic()
try: subprocess.run(["/bin/sh", "-c", "echo x; sleep 30 2>/dev/null & wait"], stdout=PIPE, timeout=0.3)
except subprocess.TimeoutExpired as error: print(error.output)
print(time.monotonic() - begin < 10)
"""
    )
    assert out == "b'x\\n'\nTrue\n"


def test_handlers_of_fork_run_only_with_a_preexec_fn() -> None:
    out = both(
        START
        + """
r, w = os.pipe()
os.register_at_fork(after_in_child=lambda: os.write(w, b"x"))
subprocess.run(["/bin/true"], close_fds=False)
subprocess.run(["/bin/true"], close_fds=True)
os.set_blocking(r, False)
try: print(os.read(r, 9))
except BlockingIOError: print("none")
subprocess.run(["/bin/true"], preexec_fn=lambda: None)
print(os.read(r, 9))
"""
    )
    assert out == "none\nb'x'\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "['/no/such/file']",
        "['/bin/true'], cwd='/no/such/folder'",
        "[os.devnull]",
        "['/bin/true'], preexec_fn=lambda: 1 / 0",
        pytest.param("['/bin/true'], preexec_fn=lambda: os.chroot(empty)",
                     marks=pytest.mark.skipif(os.getuid() != 0, reason="only root can")),
        pytest.param("[sys.executable, '-c', ''], user=65534, cwd=closed",
                     marks=pytest.mark.skipif(os.getuid() != 0, reason="only root can")),
        "['/bin/true'], start_new_session=True, process_group=0" if sys.version_info >= (3, 11) else "['']",
        "[]", "['a\\0b']", "3", "['/bin/true'], stdin=99", "['/bin/true'], bufsize='x'",
        "['/bin/true'], stdout=subprocess.STDOUT", "['/bin/true'], pass_fds=(-1,)", "['/bin/true'], umask='x'",
    ],
)  # fmt: skip
def test_errors_are_those_of_plain_python(arguments: str) -> None:
    """Type, errno, file name and words."""
    both(
        START
        + f"""
import tempfile
empty, closed = tempfile.mkdtemp(), tempfile.mkdtemp()
os.chmod(closed, 0)
try: print(subprocess.run({arguments}).returncode)
except BaseException as error:
    print(type(error), str(error).replace(empty, "").replace(closed, ""), getattr(error, "errno", 0))
os.rmdir(empty); os.rmdir(closed)
"""
    )


def test_options_do_what_is_documented() -> None:
    out = both(
        START
        + """
import fcntl, io, signal
def shell(script, **options): return subprocess.run(["/bin/sh", "-c", script], stdout=PIPE, **options).stdout
print(shell("umask", umask=0o27))
print(shell("echo $a", env={"a": "b"}), shell("pwd", cwd="/"))
r, w = os.pipe()
print(shell(f"echo x >&{w}; echo $?", pass_fds=(w,)), os.read(r, 9))
print(shell("ps -o pgid= -p $$", start_new_session=True).split() != [b"%d" % os.getpgrp()])
if sys.version_info >= (3, 11):
    p = subprocess.Popen(["sleep", "9"], process_group=0); print(os.getpgid(p.pid) == p.pid); p.kill(); print(p.wait())
if hasattr(fcntl, "F_GETPIPE_SZ"):
    with subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE, pipesize=1 << 18) as p:
        print(fcntl.fcntl(p.stdin, fcntl.F_GETPIPE_SZ), fcntl.fcntl(p.stdout, fcntl.F_GETPIPE_SZ))
if os.getuid() == 0:
    print(shell("id -u; id -g; id -G", user=1, group=2, extra_groups=[3, 4]))
with subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, bufsize=1, errors="replace") as p:
    for file in p.stdin, p.stdout, p.stderr:
        print(isinstance(file, io.TextIOWrapper), isinstance(file.buffer, (io.BufferedReader, io.BufferedWriter)), file.encoding, file.errors, file.line_buffering, os.get_blocking(file.fileno()))
    p.stdin.write("line\\n"); print(p.stdout.readline())
with subprocess.Popen(["cat"], stdin=PIPE, stdout=PIPE) as p:
    print(isinstance(p.stdin, io.BufferedWriter), isinstance(p.stdout, io.BufferedReader))
print(subprocess.run(["printf", "a\\\\r\\\\nb"], stdout=PIPE, universal_newlines=True))
"""
    )
    assert "b'0027\\n'" in out


def test_a_pipe_may_be_read_by_one_and_closed_by_another() -> None:
    """As natively, the second waits for the first; in a pipeline the next process gets a descriptor that blocks."""
    out = both(
        START
        + """
p = subprocess.Popen(["/bin/sh", "-c", "sleep 0.1; echo x"], stdout=PIPE)
got = []
t = threading.Thread(target=lambda: got.append(p.stdout.read())); t.start()
time.sleep(0.03)
p.stdout.close(); t.join(); print(got, p.wait())
a = subprocess.Popen(["/bin/sh", "-c", "sleep 0.2; echo x"], stdout=PIPE)
b = subprocess.Popen(["cat"], stdin=a.stdout, stdout=PIPE, stderr=PIPE)
a.stdout.close(); print(b.communicate(), a.wait())
"""
    )
    assert out == "[b'x\\n'] 0\n(b'x\\n', b'') 0\n"


def test_twenty_at_once() -> None:
    run_code(
        START
        + """
found = []
def run(n): found.append(subprocess.run(["/bin/sh", "-c", f"echo {n}; exit {n}"], stdout=PIPE))
threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
assert len(found) == 20 and all(int(one.stdout) == one.returncode for one in found), found
""",
        spec="all",
    )


def test_what_gevents_popen_has_besides() -> None:
    run_code(
        START
        + """
p, seen = subprocess.Popen(["/bin/sh", "-c", "exit 3"]), []
p.rawlink(seen.append)
assert p.result.get() == 3 and p.returncode == 3
gevent.sleep(0.01)
assert seen == [p]
""",
        spec="all",
    )


def test_a_subclass_that_was_made_before_works() -> None:
    run_code(
        "import subprocess\n"
        "class Mine(subprocess.Popen): pass\n"
        "import lazypatch, warnings; warnings.simplefilter('ignore'); lazypatch.enable()\n"
        "assert Mine(['/bin/sh', '-c', 'exit 3']).wait() == 3\n",
    )


@pytest.mark.parametrize("missing", ["os-wait", "os-close"])
def test_without_what_it_stands_on_subprocess_is_gevents(missing: str) -> None:
    run_code(
        "import subprocess, gevent.subprocess\nassert subprocess.Popen is gevent.subprocess.Popen\n",
        spec="all,-" + missing,
    )
