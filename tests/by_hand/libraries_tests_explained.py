"""The tests of libraries that fail under PYTHONCOOPPATCH=all and not under plain Python, and why that is right."""

from __future__ import annotations

from cpythons_tests_explained import FORKS, IDENTS, Explained

EXPLAINED: tuple[Explained, ...] = (
    Explained(
        "anyio *",
        "*::test_asyncio_run_does_not_leak_event_loop",
        "It looks for what a worker thread still refers to that has just been told to end, and waits for nothing before that. "
        "Greenlets take turns where they wait, so the thread has had no turn yet.",
    ),
    Explained(
        "anyio *",
        "*::TestUDPSocketBackpressure::*asyncio+uvloop-*",
        "uvloop's loop is asyncio's own here, by the adapter uvloop, and asyncio's fails these tests under plain Python, too.",
    ),
    Explained(
        "loky *",
        "*::test_sync_object_handling",
        "It allows a new process pipes and nothing else. An armed one has the event loop's epoll and eventfd.",
    ),
    Explained(
        "loky *",
        "*::test_thread_local",
        "It wants different addresses of what ten threads have had. Each of these waits for nothing, so it ends before the next one "
        "begins, and what it had is gone: the address is used again.",
    ),
    Explained(
        "curio *",
        "tests/test_io.py::test_filestream_blocking",
        "It makes the descriptor of a socket, whose time-out is 0, block by os.set_blocking(), and reads in a thread by the "
        "socket's file. gevent's socket asks the system at once, as it does in every read, and that waits.",
    ),
    Explained(
        "mysqlclient *",
        "*::test_*_concurrent_use_raises",
        "They ask for a ProgrammingError when a second thread uses a connection that is in use. Here a second query waits for its "
        "turn, and rows are read without letting others run.",
    ),
    Explained(
        "cheroot *",
        "*::test_*unhandled_exception*",
        "They look at an attribute of a server in a circle that waits for nothing, until another thread has changed it.",
    ),
    Explained(
        "cheroot *",
        "*::test_keepalive_conn_management",
        "It looks at an attribute of a server in a circle that waits for nothing, until another thread has changed it.",
    ),
    Explained(
        "cheroot *",
        "*::test_invalid_selected_connection",
        "From then on a server's loop gets an error where it would wait, so it goes round without a wait, for ever.",
    ),
    Explained(
        "gunicorn *",
        "*::TestConcurrentFuturesImportOrder::*",
        "They look for a class of gevent's by its name, and for a fault of gevent.monkey's: a lock that concurrent.futures made "
        "before it was patched stays native. Here it is Python's class by its name, and cooperative.",
    ),
    Explained(
        "psycopg*",
        "*::test_commit_concurrency",
        "A thread commits without end what needs no commit, so it asks nobody and waits for nothing. Greenlets take turns where "
        "they wait: it keeps its turn for ever.",
    ),
    Explained(
        "psycopg *",
        "*::test_eintr*",
        "Its script's timer may go off once more while the interpreter ends, where Python has put the system's own handlers back: "
        "it fails in both columns, by chance.",
    ),
    Explained(
        "psycopg *",
        "tests/test_waiting.py::test_*wait_c*",
        "They call by its name the function that waits in C, in whose place psycopg takes one that waits in Python under gevent, "
        "and what is waited for is done by another thread.",
    ),
    Explained(
        "psycopg *",
        "tests/test_gevent.py::test_*_use_wait_c",
        "They skip themselves where psycopg has not chosen to wait in C, which it does not under gevent.",
    ),
    Explained("trio *", "*::test_named_thread_os", IDENTS),
    Explained("trio *", "*::test_clear_thread_cache_after_fork", FORKS),
)
