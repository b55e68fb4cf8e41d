"""subprocess's own Popen, which subclasses that were made before go on using: it works, and reads its pipes natively.

Problem. gevent empties the names through which its methods start a process (``_fork_exec`` is None), so that nobody
starts one behind its back; ``class Mine(subprocess.Popen)`` then fails with TypeError each time it is called. gevent's
class cannot become the base of such a subclass: it is made differently, and would not call what the subclass overrides.

The adapter of subprocess gives Python's own class back, and leaves nothing to do here.

Solution. Its methods get globals of their own, in which those names are what they were, with two differences. A child
is announced to gevent, whose loop would take its exit status away otherwise. And descriptors are closed at once:
gevent's ``os.close`` may close later, and who reads a pipe natively would wait for its other end for ever.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from .._gevent import native
from .._install import Change
from .._targets import in_main_interpreter as on_main_thread
from ..adapters.ssl_classes import with_globals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def native_popen(subprocess: Any, originals: Mapping[str, Any]) -> list[Change]:
    """Changes in the native class of the module *subprocess*, whose *originals* are given; none if it is mended."""
    popen, os = originals["Popen"], subprocess.os
    if vars(subprocess).get("_fork_exec", vars(subprocess).get("_posixsubprocess")) is not None:
        return []  # somebody has filled the names again: the adapter of subprocess
    own = {**vars(subprocess), **originals, "os": _view(os, close=native("os", "close"))}
    if "_fork_exec" in originals:
        own["_fork_exec"] = _watched(originals["_fork_exec"])
    else:
        module = originals["_posixsubprocess"]
        own["_posixsubprocess"] = _view(module, fork_exec=_watched(module.fork_exec))
    names = {"os", "_posixsubprocess", *(name for name in originals if name.startswith("_"))}
    changes = []
    for name, member in list(vars(popen).items()):
        mended = with_globals(member, own, names)
        if mended is not member and member.__globals__ is vars(subprocess):
            mended.__defaults__ = tuple(_waiting(value, os) for value in mended.__defaults__ or ()) or None
            changes.append(Change(popen, name, mended))
    return changes


def _view(module: Any, **other: object) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{**vars(module), **other})


def _watched(fork_exec: Callable[..., int]) -> Callable[..., int]:
    from gevent import get_hub
    from gevent.os import fork_and_watch

    def _fork_exec(*args: Any) -> int:
        if not on_main_thread():  # where gevent cannot watch either
            return fork_exec(*args)
        get_hub().loop.install_sigchld()  # before there is a child
        pid: int = fork_and_watch(fork=lambda: fork_exec(*args))
        return pid

    return _fork_exec


def _waiting(default: Any, os: Any) -> Any:
    """*default* of an argument, with the cooperative waitpid if it is or holds the native one."""
    if default is native("os", "waitpid"):
        return os.waitpid
    return _view(default, waitpid=os.waitpid) if hasattr(default, "waitpid") else default
