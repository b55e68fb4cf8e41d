"""How a FIFO is opened, which waits for somebody to open its other end, while the others run.

To write, it is tried again and again without waiting. To read, it is opened without waiting, which is what the writer
waits for, and then looked at again and again. Whether there is a writer that has written nothing yet, the system tells
by a read alone, and one that fails takes nothing: so the read is one into memory that cannot be written to.
"""

import os
import sys
from errno import EFAULT, ENXIO

from ._waits import READ, hub_to_wait_in, in_threadpool, poller, try_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def open_fifo(
    originals: "dict[str, Any]", path: "Any", flags: int, mode: int = 0o666, dir_fd: "int | None" = None
) -> int:
    """What os.open() gives, when somebody has, or opens, the other end.

    :param originals: os_read.py's, which loads this file when it is needed.
    """
    native = originals["open"]
    hub, to_write = hub_to_wait_in(), flags & os.O_WRONLY
    descriptor: int
    if hub is None or flags & (os.O_RDWR | os.O_EXCL | os.O_NONBLOCK):  # but for the first, they never wait
        descriptor = native(path, flags, mode, dir_fd=dir_fd)
        return descriptor
    if not to_write and sys.platform != "linux":  # elsewhere nothing tells that a writer came
        descriptor = in_threadpool(hub, lambda: native(path, flags, mode, dir_fd=dir_fd))
        return descriptor

    def attempt() -> "int | None":
        try:
            return native(path, flags | os.O_NONBLOCK, mode, dir_fd=dir_fd)  # type: ignore[no-any-return]
        except OSError as error:
            if not to_write or error.errno != ENXIO:
                raise
            return None  # nobody reads

    descriptor = try_until(attempt)
    try:
        if not to_write:
            with _nowhere(originals) as memory:
                try_until(lambda: _writer_came(originals, descriptor, memory) or None)
        os.set_blocking(descriptor, True)  # nobody else has this open file yet
    except BaseException:
        originals["close"](descriptor)
        raise
    return descriptor


def _writer_came(originals: "dict[str, Any]", descriptor: int, nowhere: "Any") -> bool:
    """Whether somebody has opened the FIFO to write, whatever was written, or whether it has been closed again."""
    if poller(descriptor, READ)(0):  # data, or a writer that has gone again
        return True
    try:
        originals["readv"](descriptor, [nowhere])
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno != EFAULT:  # something was written just now
            raise
        return True
    return False


def _nowhere(originals: "dict[str, Any]") -> "Any":
    """Memory that is behind the end of its file, where the system can put nothing."""
    from mmap import PAGESIZE, mmap

    file = os.memfd_create("lazypatch")
    try:
        os.ftruncate(file, PAGESIZE)
        memory = mmap(file, PAGESIZE)
        os.ftruncate(file, 0)
    finally:
        originals["close"](file)
    return memory
