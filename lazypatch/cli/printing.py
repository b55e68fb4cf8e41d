"""What a command prints: to whoever still reads it, in the characters that he can read."""

from __future__ import annotations

import os
import sys

UNWRITABLE = 2


def say(text: str) -> None:
    """Print *text* and a line's end. Who closed the pipe has read enough; who cannot be written to is told of."""
    stream = sys.stdout
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except BrokenPipeError:  # "| head -1"
        _write_to_nobody()
    except (OSError, ValueError) as error:
        _write_to_nobody()
        from .._errors import complain, one_line

        complain(f"could not print what was found to stdout: {one_line(error)}. Send it to another place.")
        sys.exit(UNWRITABLE)


def _write_to_nobody() -> None:
    """The interpreter flushes stdout at its end, and would fail once more."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nobody, 1)
    finally:
        os.close(nobody)
