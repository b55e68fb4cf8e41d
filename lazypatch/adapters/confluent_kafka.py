"""confluent-kafka's consumers and producers let the others run while they poll and flush, or ask the brokers.

What waits. librdkafka, in C. It has a descriptor to wait for, and the Python library does not give it.

What is replaced. ``Consumer`` and ``Producer``, by subclasses, as the bases of ``DeserializingConsumer``, too.
``poll()``, ``consume()`` and ``flush()`` look without waiting, and again after 1 to 20 ms: callbacks are called where
the program expects it, and who is ended while it waits loses no message. What asks the brokers (``list_topics()``,
``committed()``, a commit that waits, transactions, ``close()``) is called in a native thread, and so are the callbacks
of these calls.

What it costs. Up to 20 ms for a message, and fifty looks in a second for a consumer that nothing comes for. What stays:
``AdminClient``, whose futures let the others run, and whose ``list_topics()`` waits in C.
"""

from __future__ import annotations

import functools
import time

from gevent import sleep

from ._pool import is_straight, pooled
from .changes import Change, Put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SHORTEST, _LONGEST = 0.001, 0.02
_ASK = {
    "Consumer": "close commit committed get_watermark_offsets list_topics offsets_for_times",
    "Producer": "list_topics init_transactions commit_transaction abort_transaction send_offsets_to_transaction close",
}


def plan(module: Any) -> list[Change]:
    """The classes, and the bases of those that are made of them."""
    made = {"Consumer": _consumer(module.Consumer), "Producer": _producer(module.Producer)}
    natives = {name: getattr(module, name) for name in made}
    changes = [Change(module, name, value) for name, value in made.items()]
    for kind in [value for value in vars(module).values() if isinstance(value, type)]:
        for name, native in natives.items():
            if native in kind.__bases__:
                new = tuple(made[name] if base is native else base for base in kind.__bases__)
                changes.append(Put(lambda bases, kind=kind: setattr(kind, "__bases__", bases), kind.__bases__, new))
    return changes


def _until(look: Callable[[], Any], is_done: Callable[[Any], bool], timeout: Any) -> Any:
    """What *look* gives in the end, when it is what was waited for, or *timeout* seconds are over."""
    end = None if timeout is None or timeout < 0 else time.monotonic() + timeout
    pause = _SHORTEST
    while True:
        found = look()
        left = _LONGEST if end is None else end - time.monotonic()
        if is_done(found) or left <= 0:
            return found
        sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST)


def _consumer(native: Any) -> Any:
    def poll(self: Any, timeout: Any = -1) -> Any:
        if is_straight():
            return native.poll(self, timeout)
        return _until(lambda: native.poll(self, 0), lambda found: found is not None, timeout)

    def consume(self: Any, num_messages: int = 1, timeout: Any = -1) -> Any:
        if is_straight():
            return native.consume(self, num_messages, timeout)
        found: list[Any] = []

        def more() -> list[Any]:
            found.extend(native.consume(self, num_messages - len(found), 0))
            return found

        return _until(more, lambda found: len(found) >= num_messages, timeout)

    return _subclass(native, "Consumer", (poll, consume))


def _producer(native: Any) -> Any:
    def poll(self: Any, timeout: Any = -1) -> Any:
        if is_straight():
            return native.poll(self, timeout)
        return _until(lambda: native.poll(self, 0), bool, timeout)

    def flush(self: Any, timeout: Any = -1) -> Any:
        if is_straight():
            return native.flush(self, timeout)
        return _until(lambda: native.flush(self, 0), lambda left: not left, timeout)

    return _subclass(native, "Producer", (poll, flush))


def _subclass(native: Any, word: str, functions: tuple[Any, ...]) -> Any:
    asking = {name: pooled(getattr(native, name)) for name in _ASK[word].split() if hasattr(native, name)}
    own = {f.__name__: functools.update_wrapper(f, getattr(native, f.__name__)) for f in functions}
    described = {"__slots__": (), "__module__": native.__module__, "__doc__": native.__doc__}
    return type(native.__name__, (native,), {**described, **asking, **own})
