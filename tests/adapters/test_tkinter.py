"""Loops of Tcl's let the others run, and belong to one thread, as without: by Tcl alone, which needs no display."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap

import pytest
from conftest import HANGS_AFTER, at_terminal, clean_environment, run_code, same_as_plain

pytest.importorskip("_tkinter", reason="this Python was built without tkinter")

PRELUDE = """
import sys
assert "_tkinter" not in sys.modules
import os, signal, threading, time, tkinter
interp = tkinter.Tcl()
interp.tk.eval("proc beat {} {after 20 beat}; beat")  # natively a loop without events does not see quit() of a thread
def in_thread(call):
    found = []
    def work():
        try: found.append(call())
        except Exception as error: found.append(f"{type(error).__name__}: {error}")
    thread = threading.Thread(target=work); thread.start()
    return thread, found
"""

# Each prints what it found; a worker goes on until it has been seen to run often enough, so nothing depends on time.
PROGRAMS = {
    "a main loop, which a thread ends": """
        thread, found = in_thread(lambda: [time.sleep(0.001) for _ in range(50)] and interp.quit())
        interp.tk.mainloop(-1)
        thread.join(); print(found)
    """,
    "a variable that a thread waits long for": """
        steps = []
        def work():
            for _ in range(20): time.sleep(0.001); steps.append(1)
            interp.setvar("done", "by a thread")
        def wait(): interp.tk.call("vwait", "done"); interp.quit()
        thread, _ = in_thread(work)
        interp.after(0, wait); interp.tk.mainloop(-1)
        thread.join(); print(interp.getvar("done"), len(steps))
    """,
    "sockets": """
        import socket
        ends = socket.socketpair()
        def echo():
            while data := ends[1].recv(9): ends[1].sendall(data)
        def ask():
            for _ in range(100): ends[0].sendall(b"x"); assert ends[0].recv(9) == b"x"
            ends[0].close(); interp.quit()
        threads = in_thread(echo), in_thread(ask)
        interp.tk.mainloop(-1)
        print([thread.join() or found for thread, found in threads])
    """,
    "calls of another thread, run by the owner": """
        interp.createcommand("who", lambda *args: threading.current_thread().name)
        def work():
            found = [interp.call("who"), interp.tk.call("expr", "1 + 1"), interp.getvar("v")]
            interp.setvar("v", "new")
            for wrong in (lambda: interp.tk.eval("expr 1"), lambda: interp.tk.mainloop(-1)):
                try: wrong()
                except RuntimeError as error: found.append(str(error))
            try: interp.call("nothing")
            except tkinter.TclError as error: found.append(str(error))
            interp.quit()
            return found
        interp.setvar("v", "old")
        thread, found = in_thread(work)
        interp.tk.mainloop(-1); thread.join(); print(found, interp.getvar("v"))
    """,
    "and where there is no main loop": """
        thread, found = in_thread(lambda: interp.call("expr", "1"))
        thread.join(); print(found)
    """,
    "an interpreter of a thread's own": """
        def work():
            own = tkinter.Tcl(); own.after(1, own.quit); own.tk.mainloop(-1)
            return own.tk.eval("expr 3")
        thread, found = in_thread(work)
        thread.join(); print(found)
    """,
    "what callbacks raise": """
        interp.report_callback_exception = lambda kind, *_: print(kind.__name__)
        interp.after(1, lambda: 1 / 0); interp.after(2, sys.exit, 3)
        try: interp.tk.mainloop(-1)
        except SystemExit as end: print(end.code)
    """,
    "a callback that waits for a thread": """
        lock, order = threading.Lock(), []
        lock.acquire()
        def wait(): lock.acquire(); order.append("got it"); interp.quit()
        def work(): order.append("lets go"); lock.release()
        interp.after(0, wait); interp.after(0, lambda: in_thread(work))
        threading.Timer(0.05, work).start()
        interp.tk.mainloop(-1); print(order)
    """,
    "a handler of a signal that ends the loop": """
        signal.signal(signal.SIGUSR1, lambda *_: (print(threading.current_thread().name), interp.quit()))
        interp.createcommand("kill", lambda: os.kill(os.getpid(), signal.SIGUSR1)); interp.call("after", 1, "kill")
        interp.tk.mainloop(-1)
    """,
    "Ctrl-C in a main loop": """
        interp.createcommand("kill", lambda: os.kill(os.getpid(), signal.SIGINT)); interp.call("after", 1, "kill")
        interp.createcommand("more", lambda: None); interp.call("after", 100, "more")
        try: interp.tk.mainloop(-1)
        except KeyboardInterrupt: print("interrupted")
    """,
    "after() without a function, a repr, a class, a copy": """
        import copy, _tkinter
        print(repr(interp.after(1)), isinstance(interp.tk, _tkinter.TkappType), repr(interp.tk).split()[0])
        try: copy.copy(interp.tk)
        except TypeError as error: print(error)
        print(interp.tk.splitlist("a b"), interp.tk.call.__name__, interp.tk.eval.__name__)
    """,
    "variables that are finalized at the end": """
        kept = tkinter.StringVar(interp, "x"); print(kept.get())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_plain(name: str) -> None:
    assert same_as_plain(PRELUDE + textwrap.dedent(PROGRAMS[name]))


def test_others_run_while_tcl_waits() -> None:
    """In a vwait outside a main loop, in a main loop, and in after(ms)."""
    run_code(
        PRELUDE
        + """
steps = []
def work():
    while True: time.sleep(0.001); steps.append(1)
threading.Thread(target=work, daemon=True).start()
interp.createcommand("quit", interp.quit)
waits = {
    "set done 1": lambda: interp.tk.call("vwait", "done"),
    "quit": lambda: interp.tk.mainloop(-1),
    "set late 1": lambda: interp.after(300),
}
for end, wait in waits.items():
    interp.tk.call("after", 300, end)
    before = len(steps); wait(); assert len(steps) > before + 3, (end, len(steps))
""",
        spec="all",
    )


def test_an_exception_in_a_wait_comes_when_tcl_returns() -> None:
    """Outside a main loop nothing in C could raise it: natively Ctrl-C comes then, too."""
    run_code(
        PRELUDE
        + """
import gevent
interp.tk.call("after", 300, "set done 1")
try:
    with gevent.Timeout(0.05): interp.tk.call("vwait", "done")
except gevent.Timeout: assert interp.getvar("done") == "1" or interp.getvar("done") == 1
else: raise AssertionError
""",
        spec="all",
    )


def test_native_threads() -> None:
    """Their calls are passed on by C, and what they make is native."""
    run_code(
        PRELUDE
        + """
import lazypatch, _tkinter
Thread = lazypatch.original("threading").Thread
interp.createcommand("who", lambda *args: threading.current_thread().name)
def work():
    found.append(interp.call("who")); interp.setvar("v", "1")
    found.append(type(tkinter.Tcl().tk) is _tkinter.TkappType); interp.quit()
found = []; thread = Thread(target=work); thread.start()
interp.tk.mainloop(-1); thread.join()
assert found == ["MainThread", True], found
""",
        spec="all",
    )


@pytest.mark.parametrize("spec", ["", "all"])
def test_windows_live_at_the_prompt(spec: str) -> None:
    """tkinter sets a hook of C's for it, if there is none: ours is one. C's own prompt, for that of 3.13 loses keys then."""
    start = (
        "import os, threading, time, tkinter; i = tkinter.Tcl(); n = [0]; (lambda f: f(f))(lambda f: (n.append(i.after(20, "
        "f, f)), len(n) == 10 and os.write(1, b'Tcl' b' lives')))\n"
    )
    thread = (
        "threading.Thread(target=lambda: [time.sleep(0.01) for _ in range(20)] and os.write(1, b'the others' b' ran'), "
        "daemon=True).start()\n"
    )
    talk = [(">>> ", start), ("Tcl lives", thread), ("the others ran", "exit()\n")]
    env = {"TERM": "xterm", "HOME": "/nonexistent", "PYTHON_BASIC_REPL": "1", "PYTHONCOOPPATCH": spec}
    said, status = at_terminal(["-q"], talk, **env)
    assert status == 0, said


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="there is no xvfb-run, which Debian has in xvfb")
def test_windows() -> None:
    """A thread changes a window; a dialog's loop inside a callback lets it run, too."""
    code = (
        PRELUDE.replace("tkinter.Tcl()", "tkinter.Tk()")
        + """
label, log = tkinter.Label(interp, text="before"), []
label.pack()
def work():
    time.sleep(0.01); label.config(text="by a thread"); log.append(label["text"])
    interp.event_generate("<<Done>>")
def ask():
    top = tkinter.Toplevel(interp); thread, _ = in_thread(lambda: [time.sleep(0.01), top.after(0, top.destroy)])
    interp.wait_window(top); thread.join(); log.append("closed"); in_thread(work)
interp.bind("<<Done>>", lambda event: (log.append(threading.current_thread().name), interp.quit()))
interp.after(0, ask); interp.mainloop(); interp.destroy(); print(log)
"""
    )
    found = [
        subprocess.run(
            ["xvfb-run", "-a", sys.executable, "-c", code], env=clean_environment(**more), timeout=HANGS_AFTER,
            capture_output=True, text=True,
        )
        for more in ({}, {"PYTHONCOOPPATCH": "all"})
    ]  # fmt: skip
    assert [each.returncode for each in found] == [0, 0], found
    assert found[0].stdout == found[1].stdout == "['closed', 'by a thread', 'MainThread']\n"
