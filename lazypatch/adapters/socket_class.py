"""socket.socket is what Python documents: SOCK_NONBLOCK, type, text, sendfile; and so is create_connection().

What differs in gevent's. A socket that is made with SOCK_NONBLOCK waits. ``type`` is a number, where it should be a
SocketKind. ``repr()`` does not tell the addresses, and the ResourceWarning of one that was not closed shows another
object than the program's. ``setblocking()`` and ``settimeout()`` say nothing where the descriptor is closed.
``sendfile()`` reads and sends, where the system can copy. A closed socket that is asked for an attribute that sockets
do not have, as ``hasattr()`` and ``isinstance()`` do, raises OSError instead of AttributeError, and one whose
``__init__`` has not run yet RecursionError. What is wrong with an address is told by the other name, as of
``connect()`` for ``connect_ex()``. And ``create_connection()`` and ``getfqdn()`` take the class, and what looks names
up, from gevent, where Python's take what stands in the module socket: who replaces ``socket.socket`` there, as PySocks
does to send everything through a proxy, was passed over.

These two of Python's are Python code over those names, hence cooperative by themselves: they are put back. The methods
are mended in gevent's class, which TLS sockets inherit.

What stays. The descriptor of each socket is non-blocking, whatever its timeout: gevent waits that way. ``socketpair()``
and ``fromfd()`` make gevent's sockets, whatever stands in the module.
"""

from __future__ import annotations

import os
import socket as _socket_module
import sys
from errno import EBADF
from types import FunctionType

from gevent import _socket3
from gevent._socketcommon import SocketMixin

from .._gevent import native
from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_class: Any = _socket3.socket
_init, _repr_of_gevent = vars(_class)["__init__"], vars(_class)["__repr__"]
_settimeout, _setblocking = vars(SocketMixin)["settimeout"], vars(SocketMixin)["setblocking"]
_native: Any = native("socket", "socket")
_NONBLOCK = getattr(_socket_module, "SOCK_NONBLOCK", 0)
_OF_C = frozenset(dir(_native.__base__))
_NAMES = {"gevent._socket3.socket": "socket.socket", "gevent.ssl.SSLSocket": "ssl.SSLSocket"}


def __init__(self: Any, family: Any = -1, type: Any = -1, proto: Any = -1, fileno: Any = None) -> None:
    _init(self, family, type, proto, fileno)
    if fileno is None and type != -1 and type & _NONBLOCK:
        self.timeout = 0.0


def _attribute(self: Any, name: str) -> Any:
    if name not in _OF_C:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
    return getattr(self._sock, name)


def _of_closed(self: Any, _: str) -> Any:
    """A method of a closed socket that gevent's stand-in does not have: it is there, and fails when called."""
    return self.getsockname


def _type(self: Any) -> Any:
    return _kind(self._sock)


def _kind(sock: Any) -> Any:
    return _member(_socket_module.SocketKind, sock.type & ~_NONBLOCK)


def _member(enum: Any, value: int) -> Any:
    try:
        return enum(value)
    except ValueError:
        return value


def __repr__(self: Any) -> str:
    """Wrap __repr__() to reveal the real class name and socket address(es)."""
    if not hasattr(self, "_sock"):
        return _repr_of_gevent(self)  # type: ignore[no-any-return]
    text: str = _native.__repr__(self)
    return _said(text)


def _said(text: str) -> str:
    name, space, rest = text[1:].partition(" ")
    return f"<{_NAMES.get(name, name)}{space}{rest}"


def _repr_inside(self: Any) -> str:
    """What C tells of the socket under a cooperative one, when it warns that it was not closed."""
    told: str = _native.__repr__(self)
    family = _member(_socket_module.AddressFamily, self.family)
    # Up to Python 3.10 these are told by name.
    text = told.replace(f"family={self.family}, type={self.type},", f"family={family!s}, type={_kind(self)!s},")
    name = "ssl.SSLSocket " if type(self).__module__ == "gevent.ssl" else "socket.socket "
    return "<" + name + text.partition(" ")[2]


def settimeout(self: Any, value: Any, /) -> None:
    _settimeout(self, value)
    _check(self)


def setblocking(self: Any, flag: Any, /) -> None:
    _setblocking(self, flag)
    _check(self)


def _in_its_words(name: str, other: str) -> Any:
    """The method *name* of gevent's, which asks C by the name of the *other*; C says by which it was asked."""
    inner, said = getattr(_class, name), f"{other}()"

    def method(self: Any, address: Any, /) -> Any:
        try:
            return inner(self, address)
        except (OverflowError, TypeError) as error:
            if not str(error).startswith(said):
                raise
        return getattr(self._sock, name)(address)  # says what is wrong

    method.__name__, method.__qualname__, method.__doc__ = name, f"socket.{name}", inner.__doc__
    return method


def sendfile(self: Any, file: Any, offset: int = 0, count: int | None = None) -> Any:
    if getattr(self, "_sslobj", None) is not None:  # what goes out has to be encrypted first
        return self._sendfile_use_send(file, offset, count)
    return _native.sendfile(self, file, offset, count)


def _check(sock: Any) -> None:
    """Say it if the descriptor of *sock* is closed, as C does, which has to ask the system."""
    fd = sock.fileno()
    if fd < 0:
        raise OSError(EBADF, os.strerror(EBADF))
    os.get_blocking(fd)


def _documented() -> list[Change]:
    """The methods of gevent's class."""
    changes = [
        Change(_class, "__init__", __init__),
        Change(_class, "__getattr__", _attribute),
        Change(_socket3._closedsocket, "__getattr__", _of_closed),
        Change(_class, "__repr__", __repr__),
        Change(_socket3._wrefsocket, "__repr__", _repr_inside),
        Change(_class, "connect", _in_its_words("connect", "connect_ex")),
        Change(_class, "connect_ex", _in_its_words("connect_ex", "connect")),
        Change(_class, "settimeout", settimeout),
        Change(_class, "setblocking", setblocking),
    ]
    if _NONBLOCK:
        changes.append(Change(_class, "type", property(_type)))
    if hasattr(os, "sendfile"):
        names = ("_sendfile_use_sendfile", "_sendfile_zerocopy")  # from 3.15 on the one calls the other
        changes += [Change(_class, name, vars(_native)[name]) for name in names if name in vars(_native)]
        changes.append(Change(_class, "sendfile", sendfile))
    for function in (__init__, settimeout, setblocking, sendfile):
        function.__doc__ = getattr(_class, function.__name__).__doc__
        function.__qualname__ = f"socket.{function.__name__}"
    return changes


def plan(module: Any) -> list[Change]:
    """Python's own functions, and the methods of the class."""
    if sys.platform == "win32":
        return []
    functions = {name: native("socket", name) for name in ("create_connection", "getfqdn")}
    back = [Change(module, name, function) for name, function in functions.items() if type(function) is FunctionType]
    return [*back, *_documented()]
