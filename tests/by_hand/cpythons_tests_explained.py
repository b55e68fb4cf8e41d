"""The tests of CPython that fail under PYTHONCOOPPATCH=all and not under plain Python, and why that is right."""

from __future__ import annotations

from typing import NamedTuple


class Explained(NamedTuple):
    """One line: which test of which file (both are patterns), and the reason."""

    file: str  # or the name of a library
    test: str
    reason: str


LOOPS = (
    "It waits for another thread in a loop that never waits, or in a mock that returns at once. Greenlets take turns where "
    "they wait; the interpreter also takes a thread its turn away, and gevent cannot."
)
FORKS = (
    "gevent's os.fork() silences on purpose the DeprecationWarning of a fork beside native threads: its own threadpool has "
    "some, and the threads of the program are greenlets, which a fork does not harm."
)
GAPS = (
    "The event loop keeps a few descriptors. They leave a gap where the test wants consecutive free ones, and it skips "
    "itself when it has not found any in ten attempts."
)
IDENTS = (
    "It gives C an ident of get_ident(), or compares it with one that C tells. That of a greenlet is the address of an "
    "object, because all greenlets run in one native thread, which is what C knows."
)
FRAMES = (
    "sys._current_frames() and sys._current_exceptions() tell of native threads, and all greenlets run in one: there is one "
    "entry, for whoever asks. lazypatch.dump() tells where everybody is."
)
INSIDE = (
    "It looks at what a private part of Python's class does, or at which class it is, where a cooperative one of gevent's "
    "stands."
)
DUMMIES = (
    "It looks into threading._active for a thread of _thread's that has ended. Python 3.11 keeps such entries for ever; here "
    "they go with their thread, as in later Pythons."
)
LINES = (
    "The warning comes from C, which names the line of the Python code that called it. A method of Python's stands around "
    "C's, so that a wait for a lock lets the others run, and it is this one's line."
)
MARSHALLED = (
    "It wants xmlrpc to refuse time.sleep because that has no __dict__, as C's functions have none. The cooperative one is "
    "written in Python."
)

EXPLAINED: tuple[Explained, ...] = (
    Explained("test_os", "*.ForkTests.test_fork_warns_when_non_python_thread_exists", FORKS),
    Explained("test_os", "*.test_closerange", GAPS),
    Explained(
        "test_io",
        "*.CBuffered*Test.test_slow_close_from_thread",
        "C's lock of a buffer knows native threads, so two greenlets that use one buffer at once get RuntimeError instead "
        "of a wait. Files over pipes, terminals and sockets are mended; here the raw file is a class of the test's own, "
        "whose flush() sleeps, and nothing tells that it will.",
    ),
    Explained("test_signal", "*.StressTest.test_stress_modifying_handlers", LOOPS),
    Explained(
        "test_selectors",
        "*.DefaultSelectorTestCase.test_modify_unregister",
        "It skips itself for selectors that it does not know. The default one is gevent's, as gevent.monkey has it.",
    ),
    Explained(
        "test_socket",
        "*.testSetBlocking*",
        "The descriptor of a socket is non-blocking whatever its timeout is: gevent waits that way. It is set back when a "
        "socket is given away.",
    ),
    Explained(
        "test_socket", "*.NonblockConstantTest.test_SOCK_NONBLOCK", "It looks at O_NONBLOCK, as testSetBlocking does."
    ),
    Explained("test_socket", "*.test_SocketType_is_socketobject", INSIDE),
    Explained(
        "test_socket",
        "*.testRefCountGetNameInfo",
        "It counts references to the arguments of getnameinfo(). The native thread that looks names up holds on to what it "
        "was given last.",
    ),
    Explained("test_sqlite3", "*.test_connect_positional_arguments", LINES),
    Explained("test_sqlite3", "*.test_execute_named_param_and_sequence", LINES),
    Explained("test_sqlite3", "*.test_connection_factory_as_positional_arg", LINES),
    Explained("test_sqlite3", "*.test_sqlite_date", LINES),
    Explained("test_sqlite3", "*.test_sqlite_timestamp", LINES),
    Explained(
        "test_ssl",
        "*.test_private_init",
        "It wants SSLSocket() to refuse to be called. gevent's class is made by being called.",
    ),
    Explained(
        "test_thread",
        "*.test_start_duplicate_handle",
        "gevent's start_joinable_thread(), which is for threading's own use, starts a second thread with a handle that is in "
        "use before it refuses it. threading never asks for that.",
    ),
    Explained(
        "test_threading",
        "*.EventTests.test_at_fork_reinit",
        "It takes the condition that is inside of Python's Event. The cooperative one has none.",
    ),
    Explained("test_threading", "*.test_excepthook_thread_None", IDENTS),
    Explained("test_threading", "*.InterruptMainTests.test_can_interrupt_tight_loops", LOOPS),
    Explained(
        "test_threading",
        "*.MiscTestCase.test__all__",
        "It looks for what belongs to threading by the module that classes name, and gevent's name gevent's.",
    ),
    Explained("test_threading", "*.ThreadTests.test_foreign_thread", DUMMIES),
    Explained("test_threading", "*.ThreadTests.test_ident_of_no_threading_threads", DUMMIES),
    Explained("test_threading", "*.ThreadTests.test_tstate_lock", INSIDE),
    Explained("test_threading", "*.ThreadTests.test_disallow_instantiation", INSIDE),
    Explained(
        "test_threading",
        "*.ThreadTests.test_various_ops*",
        "It wants each thread to have a native id of its own. All greenlets run in one native thread.",
    ),
    Explained("test_sys", "*.test_current_frames", FRAMES),
    Explained("test_sys", "*.test_current_exceptions", FRAMES),
    Explained("test_sys", "test.test_sys<exit>", "It waits for the threads that the two tests above left behind."),
    Explained(
        "test_fork1",
        "*.test_threaded_import_lock_fork",
        "A thread takes the import lock by hand and sleeps, and os.fork() is to wait for it. C knows the holder by its "
        "native thread, which is the one that forks. importlib itself never waits while it holds that lock.",
    ),
    Explained("test_logging", "*.ConfigDictTest.test_config_queue_handler", LOOPS),
    Explained("test_asyncio", "*.BaseEventLoopTests.test_shutdown_default_executor_timeout", LOOPS),
    Explained("test_concurrent_futures", "*.test_process_fork_from_a_threadpool", FORKS),
    Explained("test_multiprocessing_*", "*.WithManagerTestRemoteManager.test_remote", MARSHALLED),
    Explained(
        "test__xxsubinterpreters",
        "*",
        "It runs code of other interpreters in threads by a private module of C's, where it waits in C. The public one, "
        "concurrent.interpreters (3.14), runs it in native threads.",
    ),
    Explained(
        "test_audit",
        "*.test_open",
        "A hook refuses each open(). The first one refused is lazypatch's, which reads a file of its own at the first file "
        "with an opener.",
    ),
    Explained(
        "test_audit",
        "*.test_sys_getframe",
        "It counts calls of sys._getframe() up to the end of the interpreter, where lazypatch imports something.",
    ),
    Explained(
        "test_audit",
        "*.test_sqlite3",
        "It counts connections. lazypatch makes one in memory, once, to see where C keeps the database of a connection.",
    ),
    Explained(
        "test_bdb",
        "*.test_skip",
        "A debugger steps through an import, and is to pass over importlib's files. There is one of lazypatch's among them.",
    ),
    Explained(
        "test_call",
        "*.test_varargs1max",
        "It reads the message for two arguments of input(), which is a function in Python, and says so in other words.",
    ),
    Explained(
        "test_ctypes",
        "*.test_errno.Test.test_open",
        "ctypes keeps its copy of errno for each native thread, and all greenlets run in one.",
    ),
    Explained("test_pickle", "*.CompatPickleTests.test_name_mapping", INSIDE),
    Explained("test_syslog", "*.test_syslog_threaded", LOOPS),
)
