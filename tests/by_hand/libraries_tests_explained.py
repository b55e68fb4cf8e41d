"""The tests of libraries that fail under PYTHONCOOPPATCH=all and not under plain Python, and why that is right."""

from __future__ import annotations

from cpythons_tests_explained import IDENTS, LOOPS, Explained

EXPLAINED: tuple[Explained, ...] = (
    Explained(
        "anyio *",
        "*::test_asyncio_run_does_not_leak_event_loop",
        "It looks for what a worker thread still refers to that has just been told to end, and waits for nothing before that. "
        "Greenlets take turns where they wait, so the thread has had no turn yet.",
    ),
    Explained(
        "curio *",
        "tests/test_io.py::test_filestream_blocking",
        "It makes the descriptor of a socket, whose time-out is 0, block by os.set_blocking(), and reads in a thread by the "
        "socket's file. gevent's socket asks the system at once, as it does in every read, and that waits.",
    ),
    Explained("trio *", "*::test_named_thread_os", IDENTS),
    # The emitters and dispatchers of these are the abstract ones, which go round without a wait; the first has a mock of poll().
    Explained("watchdog *", "*::test_late_double_deletion", LOOPS),
    Explained("watchdog *", "tests/test_observers_api.py::test_event_dispatcher", LOOPS),
    Explained("watchdog *", "tests/test_observers_api.py::test_observer_basic", LOOPS),
    Explained("watchdog *", "tests/test_observers_api.py::test_observer_marks_every_queued_item_done", LOOPS),
    Explained("watchdog *", "tests/test_observers_api.py::test_schedule_defers_emitter_start", LOOPS),
)
