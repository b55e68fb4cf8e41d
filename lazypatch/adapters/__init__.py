"""Adapters: one file for each library that gevent leaves waiting in C, or breaks; which are loaded together.

_adapters.py has the table of them.
"""

from .. import _at_once

# What adapters of modules that every program has load at their first wait, which may come when no file can be read;
# each after what it needs.
AT_FIRST_WAIT = {
    "fork_threads": "_waits _gone",
    "io_open": "_waits _buffers _raw _files",
    "os_close": "_closing",
    "os_read": "_waits _streams",
    "os_wait": "_waits _children _child_watcher",
    "queue_class": "_waits _tickets _queue_waits",
    "signal_main": "_waits _main_identity _standing_still _main_signals",
    "thread_rlock": "_waits _tickets _rlock_waits",
}

# What the files of adapters need of their folder, for load_together().
_NEEDED = {
    "fork_threads": "changes",
    "input": "_as_builtin",
    "io_open": "_as_builtin",
    "select_epoll": "_waits",
    "signal_main": "_waits changes",
    "signal_waits": "_waits changes",
    "socket_detach": "_waits _streams",
    "socket_sharing": "_waits",
}


def load_together(adapter: str) -> None:
    """Load the file of an *adapter* of ours and what it needs, at half the cost of imports where that can be done."""
    files = [*_NEEDED.get(adapter, "").split(), adapter]
    _at_once(*("adapters." + file for file in files))
