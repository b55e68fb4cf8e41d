"""getpass.getpass() opens /dev/tty by ``io.FileIO``, whose class cannot be replaced, and waits for a line in C.

Its file is made to let others run while it reads the answer. What else getpass does, the echo and the terminal's
state included, stays its own.
"""

from _io import FileIO
from typing import Any

from .._install import Change


def plan(getpass: Any) -> list[Change]:
    """Mend the file that the answer is read from; sys.stdin is mended already."""
    native = getpass._raw_input

    def _raw_input(prompt: str = "", stream: Any = None, input: Any = None, *args: Any, **more: Any) -> Any:
        raw = getattr(input, "buffer", None)
        if type(raw) is not FileIO or "readinto" in vars(raw):
            return native(prompt, stream, input, *args, **more)
        from ._raw import mend

        before = dict(vars(raw))
        mend(raw)
        try:
            return native(prompt, stream, input, *args, **more)
        finally:
            vars(raw).clear()  # its methods lead to itself: nobody is to wait for the collector
            vars(raw).update(before)

    return [Change(getpass, "_raw_input", _raw_input)]
