"""Wait for an event, or for some seconds: a third of what ``Event.wait(seconds)`` costs."""

from __future__ import annotations

from gevent.hub import get_hub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gevent.event import Event


def wait(event: Event, seconds: float) -> None:
    """Until somebody sets *event*, which is set when the *seconds* are over, too."""
    timer = get_hub().loop.timer(seconds)
    timer.start(event.set)
    try:
        event.wait()
    finally:
        timer.stop()
        timer.close()
