"""Say who waits for what, when nothing but a signal could have woken anybody.

gevent raised LoopExit where no greenlet could go on. The main thread now waits for a signal instead, as natively. When
Ctrl-C ends that wait, and other threads wait for ever, too, the KeyboardInterrupt has a note that tells.
"""

import gc
import linecache
import sys

from greenlet import greenlet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any


def explain(error: BaseException, main: "Any") -> None:
    """Add to *error*, which ends a wait of *main*'s, where each thread waits, if there is more than one."""
    threading: "Any" = sys.modules["threading"]
    greenlets = {id(each): each for each in gc.get_objects() if issubclass(type(each), greenlet)}
    waits = []
    for ident, thread in list(threading._active.items()):
        where = _place(getattr(greenlets.get(ident), "gr_frame", None))
        if where and ident != id(main):
            waits.append(f"  {thread.name} {where}")
    if not waits:
        return  # the main thread alone: the traceback shows it
    waits.insert(0, f"  {threading.main_thread().name} {_place(main.gr_frame)}")
    note = "lazypatch: every thread was waiting, and only a signal could end that:\n" + "\n".join(waits)
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:  # before 3.11
        error.args = (note,)


def _place(frame: "FrameType | None") -> str:
    """Where the program itself is, above the modules that do the waiting."""
    while frame is not None and str(frame.f_globals.get("__name__")).split(".")[0] in _WAITERS:
        frame = frame.f_back
    if frame is None:
        return ""
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line).strip()
    return f"in {file}:{line}, {frame.f_code.co_name}" + (f": {text}" if text else "")


_WAITERS = ("gevent", "lazypatch", "threading", "queue", "selectors", "socket", "subprocess", "concurrent")
