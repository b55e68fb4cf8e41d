"""curl_cffi makes its requests in native threads, so that the others run meanwhile, streams and callbacks included.

What waits. libcurl, in C, in ``Curl.perform()``, to which all requests of a Session come. curl_cffi has a switch for
plain requests, ``Session(thread="gevent")``, which makes that call in gevent's own pool, and not for streams.

What is replaced. ``Curl.perform()``: each call is made in a native thread. Callbacks of the program run in it, too.
Who is ended while it waits ends when the request has: set its time-outs. What is asynchronous waits in
asyncio's loop, and is as it was. WebSockets wait in C.
"""

from __future__ import annotations

from ._pool import pooled
from .changes import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plan(curl_cffi: Any) -> list[Change]:
    """One method."""
    return [Change(curl_cffi.Curl, "perform", pooled(curl_cffi.Curl.perform))]
