"""The native classes of ssl, made fit to live beside gevent's (gevent #1016).

Problem. ``ssl.SSLContext`` and ``ssl.SSLSocket`` name themselves through the globals of ssl, as in
``super(SSLContext, SSLContext).options.__set__(self, value)``. Once those names are gevent's subclasses, everybody
who has a native context, or a subclass of it, gets RecursionError or TypeError. Who is early gets none, but may look
for one: truststore, which pip brings, calls the setters of the class that it finds behind the present one.

Solution. Their methods get globals of their own, in which the names are the native classes; everything else they look
up there is constants, enums and exceptions. Their ``wrap_socket`` gives a cooperative socket, which only something
cooperative can have made, to gevent's SSLSocket. That is done in place, so whoever took the classes before has it too.

Where ssl came late, more can be found: a subclass of the native context is put on top of gevent's class
(``__bases__``), and a native context becomes one of gevent's (``__class__``): the layouts are the same, and they pass
isinstance() too.

gevent's class of sockets is also made to take the arguments that are documented: ``do_handshake(block)``, which
truststore passes on, and ``read(len)``.

What stays native: a socket that a native context wrapped before, and the sockets of a context with a class of its own.
"""

from __future__ import annotations

import types

from .._gevent import native
from .._install import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

_CLASSES = ("SSLContext", "SSLSocket")


def plan(ssl: Any) -> list[Change]:
    """Mend the classes that stood in *ssl*, which is installed; once."""
    context, made = native("ssl", "SSLContext"), native("ssl", "SSLSocket")
    if context is ssl.SSLContext or made is ssl.SSLSocket or is_mended(context):
        return []
    return native_classes(ssl, context, made) + _as_documented(ssl.SSLSocket, made)


def _as_documented(cooperative: Any, native_socket: Any) -> list[Change]:
    """Changes in gevent's class of sockets, where its methods do not take what those of *native_socket* take."""
    original = cooperative.do_handshake

    def do_handshake(self: Any, block: bool = False) -> None:
        timeout = self.gettimeout()
        if not block or timeout != 0.0:
            original(self)
            return
        self.settimeout(None)
        try:
            original(self)
        finally:
            self.settimeout(timeout)

    do_handshake.__qualname__, do_handshake.__module__ = original.__qualname__, original.__module__
    do_handshake.__doc__ = original.__doc__
    changes = [Change(cooperative, "do_handshake", do_handshake)]
    read, asked = cooperative.read, native_socket.read.__code__
    if read.__code__.co_varnames[:3] == ("self", "nbytes", "buffer"):
        # Another name for its parameter costs nothing when it is called, which a function around it would.
        names = asked.co_varnames[:3] + read.__code__.co_varnames[3:]
        renamed = types.FunctionType(
            read.__code__.replace(co_varnames=names),
            read.__globals__, read.__name__, native_socket.read.__defaults__, read.__closure__,
        )  # fmt: skip
        renamed.__qualname__, renamed.__module__, renamed.__doc__ = read.__qualname__, read.__module__, read.__doc__
        changes.append(Change(cooperative, "read", renamed))
    return changes


def native_classes(ssl: Any, native_context: Any, native_socket: Any) -> list[Change]:
    """Changes in the native classes of the module *ssl*, whose globals are gevent's by now."""
    own = {**vars(ssl), "SSLContext": native_context, "SSLSocket": native_socket}
    changes = []
    for owner in (native_context, native_socket):
        for name, member in list(vars(owner).items()):
            mended = with_globals(member, own, _CLASSES)
            if mended is not member:
                changes.append(Change(owner, name, mended))
    wrap = _wrap_socket(vars(native_context)["wrap_socket"], native_socket, ssl.SSLSocket)
    return [*changes, Change(native_context, "wrap_socket", wrap)]


def with_globals(member: Any, own: dict[str, Any], names: Collection[str]) -> Any:
    """*member* of a class if it names none of the globals *names*, else the same with globals *own*."""
    if isinstance(member, (classmethod, staticmethod)):
        function = with_globals(member.__func__, own, names)
        return member if function is member.__func__ else type(member)(function)
    if isinstance(member, property):
        parts = [with_globals(part, own, names) for part in (member.fget, member.fset, member.fdel)]
        if parts == [member.fget, member.fset, member.fdel]:
            return member
        return property(parts[0], parts[1], parts[2], member.__doc__)
    if not isinstance(member, types.FunctionType) or set(names).isdisjoint(member.__code__.co_names):
        return member
    copy = types.FunctionType(member.__code__, own, member.__name__, member.__defaults__, member.__closure__)
    copy.__kwdefaults__ = member.__kwdefaults__
    copy.__qualname__, copy.__module__, copy.__doc__ = member.__qualname__, member.__module__, member.__doc__
    vars(copy).update(vars(member))
    return copy


def _wrap_socket(native: Any, native_socket: Any, cooperative: Any) -> Any:
    from gevent.socket import socket

    def wrap_socket(
        self: Any,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: Any = None,
        session: Any = None,
    ) -> Any:
        if self.sslsocket_class is not native_socket or not isinstance(sock, socket):
            return native(
                self, sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
            )
        return cooperative(
            sock=sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            _context=self,
            _session=session,
        )

    wrap_socket.__qualname__, wrap_socket.__module__ = native.__qualname__, native.__module__
    wrap_socket.__doc__ = native.__doc__
    wrap_socket._lazypatch = True  # type: ignore[attr-defined]
    return wrap_socket


def is_mended(native_context: Any) -> bool:
    """Whether :func:`native_classes` was committed."""
    return hasattr(vars(native_context)["wrap_socket"], "_lazypatch")


def can_be_rebased(subclass: Any, native_socket: Any) -> bool:
    """Whether gevent's context can be the base of *subclass*: not if it makes sockets of a native kind of its own."""
    made = subclass.sslsocket_class
    return not (isinstance(made, type) and made is not native_socket and issubclass(made, native_socket))


def become(context: Any, kind: type) -> None:
    """Make *context* one of *kind*, in place; what gevent's class does when a callback is set is done for it."""
    callback = context.sni_callback
    context.__class__ = kind
    if callback is not None:
        context.sni_callback = callback
