"""A key is waited for while the others run, and is the one that it is without: by a terminal of the program's own."""

from __future__ import annotations

import textwrap

import pytest
from conftest import run_code, same_as_plain

pytest.importorskip("_curses", reason="this Python was built without curses")

PRELUDE = """
import sys
assert "_curses" not in sys.modules
import fcntl, os, pty, signal, struct, termios, threading, time
shown = os.fdopen(os.dup(1), "w")
def show(*what): print(*what, file=shown, flush=True)
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
os.dup2(slave, 0); os.dup2(slave, 1)
os.environ.update(TERM="linux", ESCDELAY="50"); [os.environ.pop(name, None) for name in ("LINES", "COLUMNS")]
def drain():
    try:
        while os.read(master, 65536): pass
    except OSError: pass
threading.Thread(target=drain, daemon=True).start()
steps = []
def ticks(number=20):
    for _ in range(number): time.sleep(0.001); steps.append(1)
def then(call, *args):
    # In a thread, when that has run often enough: a window that waits must let it.
    thread = threading.Thread(target=lambda: (ticks(), call(*args))); thread.start(); return thread
def type_(keys): return then(os.write, master, keys)
import curses, curses.ascii, curses.panel, curses.textpad
window = curses.initscr(); curses.noecho(); curses.cbreak()
import atexit; atexit.register(curses.endwin)
"""

PROGRAMS = {
    "keys, typed while it waits": """
        for method in (window.getch, window.getkey, window.get_wch):
            type_(b"x"); show(method()); type_(b"y"); show(method(3, 4), window.getyx())
    """,
    "keys that are there": """
        os.write(master, b"abc"); show(window.getch(), window.getkey(), window.get_wch())
    """,
    "sequences, whole and in pieces, and Escape alone": r"""
        window.keypad(True)
        type_(b"\x1b[A"); show(window.getch() == curses.KEY_UP)
        type_(b"\x1b[B\x1b[Cq"); show(window.getkey(), window.getkey(), window.getkey())
        type_(b"\x1b"); show(window.getch()); type_(b"z"); show(window.getch())
    """,
    "characters of several bytes": """
        import locale; locale.setlocale(locale.LC_ALL, "C.UTF-8")
        type_("\\u00e4\\u20ac".encode()); show(ascii(window.get_wch()), ascii(window.get_wch()))
    """,
    "time-outs": """
        window.timeout(30); show(window.getch())
        for method in (window.getkey, window.get_wch):
            try: method()
            except curses.error as error: show(error)
        window.timeout(0); show(window.getch()); window.nodelay(True); show(window.getch())
        window.nodelay(False); type_(b"k"); show(window.getch())
        window.timeout(20000); type_(b"l"); show(window.getch())
        curses.halfdelay(1); show(window.getch()); os.write(master, b"m"); show(window.getch())
        curses.cbreak(); window.timeout(-1); type_(b"n"); show(window.getch())
    """,
    "what was pushed back": """
        curses.ungetch("u"); show(window.getch()); curses.ungetch(300); show(window.getkey())
    """,
    "another size of the terminal": """
        def resize():
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0)); os.kill(os.getpid(), signal.SIGWINCH)
        then(resize); show(window.getch() == curses.KEY_RESIZE, window.getmaxyx())
        type_(b"r"); show(window.getkey())
    """,
    "Ctrl-C": """
        curses.endwin(); window.refresh()
        then(os.kill, os.getpid(), signal.SIGINT)
        try: window.getch()
        except KeyboardInterrupt: show("interrupted")
        type_(b"c"); show(window.getkey())
    """,
    "a pipe, and its end": """
        r, w = os.pipe(); os.dup2(r, 0)
        then(os.write, w, b"e"); show(window.getkey()); thread = then(os.close, w); show(window.getch(), window.getch())
        thread.join()
        with open("/dev/null") as nothing: os.dup2(nothing.fileno(), 0)
        show(window.getch())
    """,
    "windows of windows": """
        other = curses.newwin(5, 20, 2, 3); other.addstr(0, 0, "text"); other.overwrite(window); other.overlay(window)
        for each in (other.derwin(2, 10, 0, 0), window.subwin(2, 10, 1, 1), curses.newpad(50, 50).subpad(5, 5, 0, 0)):
            show(isinstance(each, curses.window), each.getmaxyx(), repr(each).split()[0])
        show(other.derwin(2, 10, 0, 0).instr(0, 0, 4), other.encoding == window.encoding)
        other.encoding = "latin-1"; show(other.encoding)
        type_(b"w"); show(other.getkey()); type_(b"v"); show(other.derwin(2, 10, 0, 0).getkey())
        try: window.nothing
        except AttributeError: show("no attribute")
    """,
    "a window in a file": """
        import tempfile
        with tempfile.TemporaryFile() as file:
            window.addstr(1, 1, "kept"); window.putwin(file); file.seek(0); again = curses.getwin(file)
        show(again.instr(1, 1, 4)); type_(b"g"); show(again.getkey())
    """,
    "panels": """
        first, second = curses.newwin(3, 3, 0, 0), curses.newwin(3, 3, 1, 1)
        below, above = curses.panel.new_panel(first), curses.panel.new_panel(second)
        show(below.above() is above, above.below() is below, above.above(), curses.panel.top_panel() is above)
        show(above.window() is second, isinstance(above, curses.panel.panel))
        above.replace(first); show(above.window() is first); above.set_userptr("mine"); show(above.userptr())
        above.hide(); show(curses.panel.bottom_panel() is below, above.hidden()); curses.panel.update_panels()
        type_(b"p"); show(above.window().getkey())
    """,
    "a text box": """
        box = curses.textpad.Textbox(curses.newwin(2, 20, 0, 0)); type_(b"hello\\x07"); show(box.edit())
    """,
    "a line": """
        curses.echo(); type_(b"line\\n"); show(window.getstr(1, 1)); type_(b"other\\n"); show(window.getstr(3))
    """,
    "naps, and a wrapper": """
        before = len(steps); thread = then(int); show(curses.napms(300), len(steps) > before); thread.join()
        def main(screen): type_(b"q"); return screen.getkey()
        show(curses.wrapper(main))
    """,
    "two windows, two threads": """
        other, found = curses.newwin(3, 3, 0, 0), []
        thread = threading.Thread(target=lambda: found.append(other.getkey())); thread.start()
        type_(b"1"); thread.join(); type_(b"2"); found.append(window.getkey()); show(found)
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_plain(name: str) -> None:
    assert same_as_plain(PRELUDE + textwrap.dedent(PROGRAMS[name]))


def test_a_key_is_awaited_in_a_native_thread_natively() -> None:
    run_code(
        PRELUDE
        + """
import lazypatch
found = []
thread = lazypatch.original("threading").Thread(target=lambda: found.append(window.getkey())); thread.start()
type_(b"n")
while thread.is_alive(): time.sleep(0.001)
assert found == ["n"], found
""",
        spec="all",
    )


def test_loaded_before() -> None:
    """Names that curses has taken from _curses, when gevent comes later."""
    code = PRELUDE.replace(
        'assert "_curses" not in sys.modules', "import curses, curses.panel; assert 'gevent' not in sys.modules"
    )
    assert run_code(code + "type_(b'l'); show(window.getkey(), type(curses.newwin).__name__)", "all") == "l method\n"
