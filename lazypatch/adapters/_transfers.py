"""os.sendfile() and os.splice(): from one descriptor to another, without a word of Python in between."""

from __future__ import annotations

import os

from ._streams import current_hub, is_stream, original, until_ready, waits
from ._waits import READ, WRITE, in_threadpool, try_until, wait_for

_SPLICE_F_NONBLOCK = 2


def sendfile(out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    """os.sendfile(): in the threadpool if *out_fd* is blocking, for it has no form that does not wait."""
    hub, call = current_hub(), original["sendfile"]
    if hub is None or not is_stream(out_fd):
        return call(out_fd, in_fd, offset, count)  # type: ignore[no-any-return]
    if os.get_blocking(out_fd):
        return in_threadpool(hub, call, out_fd, in_fd, offset, count)  # type: ignore[no-any-return]
    while True:
        try:
            return call(out_fd, in_fd, offset, count)  # type: ignore[no-any-return]
        except BlockingIOError:
            if not waits(out_fd, WRITE):
                raise
        wait_for(hub, out_fd, WRITE)


def splice(src: int, dst: int, count: int, offset_src: int | None, offset_dst: int | None, flags: int) -> int:
    """os.splice(): tried without waiting, once both sides are ready."""
    hub, call = current_hub(), original["splice"]
    if hub is None or type(count) is not int or count <= 0 or flags & _SPLICE_F_NONBLOCK:
        return call(src, dst, count, offset_src, offset_dst, flags)  # type: ignore[no-any-return]

    def attempt() -> int | None:
        try:
            until_ready(hub, src, READ)
            until_ready(hub, dst, WRITE)
        except (TypeError, ValueError, OverflowError):
            return call(src, dst, count, offset_src, offset_dst, flags)  # type: ignore[no-any-return]
        try:
            return call(src, dst, count, offset_src, offset_dst, flags | _SPLICE_F_NONBLOCK)  # type: ignore[no-any-return]
        except BlockingIOError:
            if not (waits(src, READ) and waits(dst, WRITE)):
                raise
            return None

    return try_until(attempt)  # type: ignore[no-any-return]
