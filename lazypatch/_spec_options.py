"""The options of a spec: what each takes, and the words for a mistake in one, or in any other part of a spec."""

from ._targets import OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Value = str | bool | float | int

_SWITCHES = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}


def shown(text: str) -> str:
    """*text* in quotes, on one line and not longer than one."""
    shown = ascii(text)
    return shown if len(shown) <= 80 else f"{shown[:60]}...{shown[-1]} ({len(text)} characters)"


def unknown(word: str, text: str, known: "Iterable[str]", what: str = "word") -> Exception:
    from ._nearest import did_you_mean

    words = list(dict.fromkeys(known))
    nearest = did_you_mean(word, words)
    separators = [mark for mark in (";", " ", ":", "+", "|") if mark in word]
    if separators and all(part.strip("- ").lower() in words for part in word.split(separators[0]) if part.strip()):
        nearest = f"; separate words by commas, not by {separators[0]!r}"
    # All that are known fill a screen: they are for who is far from every one of them.
    return error(f"unknown {what} {shown(word)} in the spec {shown(text)}{nearest or '. Known: ' + ', '.join(words)}")


def error(message: str) -> Exception:
    from ._errors import LazyPatchError

    return LazyPatchError(message)


def _switch(name: str, value: str, text: str) -> bool:
    if value.lower() not in _SWITCHES:
        raise unknown(value, text, ("0", "1"), f"value for the option {name}")
    return _SWITCHES[value.lower()]


def _milliseconds(name: str, value: str, text: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 1 <= found < 1e9:
        raise error(
            f"the option {name} in the spec {shown(text)} takes milliseconds, 1 or more, such as {name}=100; it was "
            f"given {shown(value)}"
        )
    return found


# What Python, gevent or the system have handlers for, or nobody can handle.
_TAKEN = frozenset(("INT", "CHLD", "CLD", "KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT", "IOT", "PIPE"))


def _signal(name: str, value: str, text: str) -> int:
    import _signal  # type: ignore[import-not-found]

    known = [word for word in dir(_signal) if word.startswith("SIG") and word[3:4].isalpha() and word[3:] not in _TAKEN]
    word = value.upper() if value.upper().startswith("SIG") else "SIG" + value.upper()
    if word[3:] in _TAKEN:
        raise error(
            f"the option {name} in the spec {shown(text)} takes a signal that nobody else handles, such as "
            f"{name}=SIGUSR1; {word} is not free"
        )
    if word not in known:
        raise unknown(value, text, known, f"signal for the option {name}")
    return int(getattr(_signal, word))


def _moment(name: str, value: str, text: str) -> str:
    if value.lower() != "fork":
        raise unknown(value, text, ("fork",), f"value for the option {name}")
    return "fork"


def _calls(name: str, value: str, text: str) -> str:
    from ._pooled import read

    read(value)  # raises what is wrong with it
    return value


# Every option with what makes its value out of the text after "=", and raises LazyPatchError if it cannot.
READ: "dict[str, Callable[[str, str, str], Value]]" = {
    **dict.fromkeys((*OPTIONS, "strict", "inherit", "monitor_log"), _switch),
    "monitor": _milliseconds,
    "dump": _signal,
    "in_threadpool": _calls,
    "when": _moment,
}
REPEATED = ("in_threadpool",)  # what is said of these again is said as well
PATTERNS = ("only", "not")  # as often as wanted
