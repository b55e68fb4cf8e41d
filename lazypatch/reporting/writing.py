"""Put a report where it was asked for, without harm to what is there: a file, a device, a FIFO, a descriptor.

A regular file gets the whole report at once or keeps what it had; nobody reads half of it, nor mixes it with another's.
Anything else is opened and written, never replaced. The name of what is prepared beside the file cannot be guessed, so
nobody can have put a link there.
"""

from __future__ import annotations

import os
import stat
import sys


def put(file: str, content: bytes) -> None:
    """Make *content* what is in *file*. Raises OSError, and leaves nothing behind then."""
    descriptor = _descriptor(file)
    if descriptor is not None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        _write(descriptor, content)
        return
    try:
        there = os.stat(file)
    except FileNotFoundError:
        there = None
    if there is not None and not stat.S_ISREG(there.st_mode):
        _write_into(file, content, os.O_NONBLOCK)  # a FIFO that nobody reads would never open
        return
    goal = os.path.realpath(file)  # a link stays, what it leads to is written
    try:
        new = _prepare(os.path.dirname(goal), content, there)
    except PermissionError:
        if there is None:
            raise
        _write_into(goal, content, os.O_TRUNC)  # the folder is somebody else's, the file is not
        return
    try:
        os.replace(new, goal)
    except BaseException:
        os.unlink(new)
        raise


def is_replaced(file: str) -> bool:
    """Whether *file* is one that :func:`put` replaces: a regular one, or not there."""
    try:
        return _descriptor(file) is None and stat.S_ISREG(os.stat(file).st_mode)
    except OSError:
        return True


def _descriptor(file: str) -> int | None:
    """The descriptor of this process that *file* is, by its name or by a link, or that is open on the same file."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    for standard in (1, 2):  # what the program has printed into it is not to be lost
        try:
            if os.path.samestat(found, os.fstat(standard)):
                return standard
        except OSError:
            continue
    for _ in range(40):
        folder, name = os.path.split(file)
        if folder in ("/dev/fd", "/proc/self/fd", f"/proc/{os.getpid()}/fd") and name.isdigit():
            return int(name)
        if not os.path.islink(file):
            return None
        file = os.path.join(folder, os.readlink(file))
    return None


def _prepare(folder: str, content: bytes, there: os.stat_result | None) -> str:
    """A new file in *folder*, with the permissions of the one that is *there*; gone again if anything goes wrong."""
    new = os.path.join(folder, f".lazypatch-{os.urandom(12).hex()}.new")
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(new, how, 0o666 if there is None else 0o600)
    except OSError as error:  # it is about the folder: nobody knows the other name
        raise type(error)(error.errno, error.strerror, folder) from None
    try:
        try:
            _write(descriptor, content)
            if there is not None and hasattr(os, "fchmod"):
                os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
        finally:
            os.close(descriptor)
    except BaseException:
        os.unlink(new)
        raise
    return new


def _write_into(file: str, content: bytes, how: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | how | getattr(os, "O_CLOEXEC", 0))
    try:
        os.set_blocking(descriptor, True)
        _write(descriptor, content)
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
