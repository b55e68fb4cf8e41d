"""What is known of one raw reference: a name somewhere that holds, or held, an original."""

from __future__ import annotations

from typing import NamedTuple


class Reference(NamedTuple):
    """One place that held an original when its target was installed late."""

    target: str  # the module that the original comes from: "time"
    name: str  # its name there: "sleep"
    module: str  # the module that the place belongs to: "app.views"
    place: str  # where exactly, as a programmer would write it: "app.views.sleep", "app.Pool.QueueCls"
    kind: str  # global, class attribute, default argument, partial, closure, lock, subclass, instance
    mended: bool
    why: str  # why it was not mended, else ""
