"""Adapters: one file for each library that gevent leaves waiting in C, or breaks; which are loaded together.

_adapters.py has the table of them.
"""

# What adapters of modules that every program has load at their first wait, which may come when no file can be read;
# each after what it needs.
AT_FIRST_WAIT = {
    "fork_threads": "_waits _gone",
    "finalizers": "_waits _hub_waits",
    "io_open": "_waits _as_builtin os_read _buffers _raw _fifos _files",
    "os_close": "_closing",
    "os_read": "_waits _streams _fifos",
    "os_wait": "_waits _as_builtin changes polling _children _child_watcher",
    "queue_class": "changes fork_threads _waits _tickets _queue_waits",
    "signal_main": "_waits thread_local _main_identity _standing_still _main_signals",
    "socket_sharing": "_waits _buffers _socket_files",
    "time_sleep": "_short_sleeps",
    "thread_rlock": "changes fork_threads _waits _hub_waits _tickets _lock_waits",
}

# What the files of adapters need of their folder, for with_needed().
_NEEDED = {
    "asyncio": "_waits changes os_wait _new_hubs",
    "ctrl_c": "_waits changes _new_hubs",
    "finalizers": "_waits changes _new_hubs",
    "fork_threads": "_as_builtin _waits changes polling",
    "input": "_as_builtin",
    "io_open": "_as_builtin",
    "os_daemon": "_as_builtin changes _new_hubs",
    "os_read": "_as_builtin",
    "select_epoll": "_waits",
    "select_poll": "_as_builtin _waits",
    "signal_main": "_waits changes _new_hubs ctrl_c",
    "signal_masks": "_as_builtin _waits changes polling fork_threads",
    "signal_waits": "_waits changes",
    "time_sleep": "_as_builtin",
    "polling": "_as_builtin _waits changes",
    "queue_class": "_as_builtin _waits changes polling",
    "thread_classes": "changes",
    "thread_local": "changes",
    "thread_errors": "_as_builtin _waits changes polling fork_threads",
    "thread_raise": "_as_builtin _waits changes polling fork_threads",
    "thread_rlock": "_as_builtin _waits changes polling",
    "socket_calls": "_as_builtin _waits changes polling",
    "socket_detach": "_as_builtin _waits changes polling _streams",
    "socket_sharing": "_waits",
}


def with_needed(plan: str) -> list[str]:
    """The files to load for the *plan* ``lazypatch.adapters.NAME:plan``, each after what it needs."""
    adapter = plan.partition(":")[0].removeprefix(__name__ + ".")
    return ["adapters." + file for file in (*_NEEDED.get(adapter, "").split(), adapter)]
