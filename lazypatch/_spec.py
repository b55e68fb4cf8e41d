"""The spec language, from text to what is wanted: pure, nothing is armed, and no library is imported.

A spec is ``all``, or words separated by commas. A word is a group of targets, or an adapter; ``-WORD`` takes one out;
``OPTION=VALUE`` sets an option. ``all`` is everything that makes programs cooperative, ``gevent`` what gevent.monkey
patches, ``corrections`` and ``extensions`` are all adapters of a kind.
"""

from ._adapters import ADAPTERS, CORRECTION, EXTENSION, PART, theirs
from ._targets import GROUPS, OPTIONS, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from ._adapters import Adapter
    from ._targets import Wanted

    Value = str | bool | float | int

# What a group cannot work without, and what goes wrong if it has to, unless an adapter mends that.
_NEEDS: "dict[str, tuple[tuple[str, str, str], ...]]" = {
    "socket": (
        ("thread", "a socket that several native threads use may be waited for for ever", ""),
        ("ssl", "TLS fails with TypeError, since ssl's own classes do not take gevent's sockets", ""),
    ),
    "ssl": (("socket", "an SSLSocket is made from a blocking socket", ""),),
    # Who waits natively stops all threads, also the one that it waits for.
    "thread": (
        ("select", "asyncio.to_thread() and every other wait in selectors block all threads for ever", ""),
        ("time", "a loop around time.sleep() that waits for another thread blocks all threads for ever", ""),
        ("socket", "two threads that talk through sockets block all threads for ever", ""),
        ("queue", "ThreadPoolExecutor and every other wait in a SimpleQueue block all threads for ever", ""),
        ("os", "os.waitpid() in a thread blocks all threads until that child ends", ""),
        ("subprocess", "waiting for a child in a thread blocks all threads until that child ends", "os-wait"),
    ),
    "os": (
        ("thread", "os.waitpid() works in the main thread only", ""),
        ("subprocess", "subprocess.run() may wait for ever for a pipe that os.close() closes only later", "os-close"),
        ("signal", "os.waitpid() waits for ever once the program handles SIGCHLD", "os-wait"),
    ),
    "subprocess": (
        ("thread", "subprocess works in the main thread only", ""),
        ("os", "after one subprocess.run(), os.fork() with os.waitpid() fails with ChildProcessError", ""),
        (
            "signal",
            "handlers of SIGCHLD are not called, and waiting for a child may never end once there is one",
            "os-wait",
        ),
    ),
    "signal": (("os", "handlers of SIGCHLD are not called and os.waitpid() may miss children", ""),),
    "queue": (("thread", "waiting in a queue for another native thread fails with LoopExit", ""),),
}

_ALL = ("all", "1", "on", "true", "yes")
_NOTHING = ("", "0", "off", "none", "false", "no")
_SWITCHES = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}
_SETS = ("all", "gevent")
_KINDS = (CORRECTION + "s", EXTENSION + "s")
_GROUP_OF = {target: group for group in GROUPS for target in wanted([group], ()) if group != "dns"}


class Choice:
    """What a spec asks for."""

    def __init__(self) -> None:
        self.wanted: "Wanted" = {}  # targets and their options
        self.adapters: "set[str]" = set()  # words, and those that stand for many; "-WORD" for what was taken out
        self.options: "dict[str, Value]" = {}  # those that concern no target, such as strict
        self.warnings: "list[str]" = []  # what will not work, a sentence each

    def __bool__(self) -> bool:
        return bool(self.wanted or self.adapters)


def _switch(name: str, value: str, text: str) -> bool:
    if value.lower() not in _SWITCHES:
        raise _unknown(value, text, ("0", "1"), f"value for the option {name}")
    return _SWITCHES[value.lower()]


def _milliseconds(name: str, value: str, text: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 1 <= found < 1e9:
        raise _error(
            f"the option {name} in the spec {_shown(text)} takes milliseconds, 1 or more, such as {name}=100; it was "
            f"given {_shown(value)}"
        )
    return found


# What Python, gevent or the system have handlers for, or nobody can handle.
_TAKEN = frozenset(("INT", "CHLD", "CLD", "KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT", "IOT", "PIPE"))


def _signal(name: str, value: str, text: str) -> int:
    import _signal  # type: ignore[import-not-found]

    known = [word for word in dir(_signal) if word.startswith("SIG") and word[3:4].isalpha() and word[3:] not in _TAKEN]
    word = value.upper() if value.upper().startswith("SIG") else "SIG" + value.upper()
    if word[3:] in _TAKEN:
        raise _error(
            f"the option {name} in the spec {_shown(text)} takes a signal that nobody else handles, such as "
            f"{name}=SIGUSR1; {word} is not free"
        )
    if word not in known:
        raise _unknown(value, text, known, f"signal for the option {name}")
    return int(getattr(_signal, word))


# Every option with what makes its value out of the text after "=", and raises LazyPatchError if it cannot.
_OPTIONS: "dict[str, Callable[[str, str, str], Value]]" = {
    **dict.fromkeys((*OPTIONS, "strict", "monitor_log"), _switch),
    "monitor": _milliseconds,
    "dump": _signal,
}
WATCHES = frozenset(("monitor", "dump"))  # options that the folder stalls is for


def parse(text: str) -> Choice:
    """What the spec *text* asks for.

    Without any word that is put in, ``all`` is. A group or an adapter brings the groups that it needs.

    :raises LazyPatchError: for a word that is not of this language; it names the word, the nearest right one and
        all right ones. For a contradiction, which it names.
    """
    if not isinstance(text, str):
        raise _error(f"a spec is a text such as 'all' or 'socket,ssl'; it was given {text!r}")
    reader = _Reader(text)
    if len(reader.words) == 1 and reader.words[0].lower() in _NOTHING:
        return Choice()
    for word in reader.words:
        reader.read(word)
    return reader.choice()


class _Reader:
    """One text, word by word."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [word.strip() for word in text.split(",") if word.strip()] or [text.strip()]
        if text.strip(" ,") == "" and "," in text:
            raise _error(f"the spec {_shown(text)} holds no word; 'all' makes everything cooperative, 'none' nothing")
        self.known = {row.word: row for row in ADAPTERS if row.kind != PART}
        self.sets: "set[str]" = set()
        self.groups: "set[str]" = set()
        self.adapters: "set[str]" = set()
        self.removed: "set[str]" = set()
        self.options: "dict[str, Value]" = dict.fromkeys(OPTIONS, True)

    def read(self, word: str) -> None:
        """Take one word into account."""
        name, equals, value = (part.strip() for part in word.partition("="))
        lower = name.lower()
        if equals:
            self._set(name, value)
        elif lower.startswith("-"):
            self._remove(lower[1:].strip())
        elif lower in _ALL or lower in _SETS:
            self.sets.add("gevent" if lower == "gevent" else "all")
        elif lower in GROUPS:
            self.groups.add(lower)
        elif lower in _KINDS or self._is_adapter(lower):
            self.adapters.add(lower)
        else:
            raise _unknown(name, self.text, self._right_words())

    def _set(self, name: str, value: str) -> None:
        known = {option.lower(): option for option in _OPTIONS}
        option = known.get(name.lower())
        if option is None:
            raise _unknown(name, self.text, tuple(_OPTIONS), "option")
        self.options[option] = _OPTIONS[option](option, value, self.text)

    def _remove(self, name: str) -> None:
        if name in _SETS or name in _ALL:
            raise _error(
                f"the spec {_shown(self.text)} takes {name!r} out, which leaves nothing; say 'none' to make nothing "
                "cooperative, and '-' with one word to take one thing out"
            )
        if name not in GROUPS and name not in _KINDS and not self._is_adapter(name):
            raise _unknown(name, self.text, self._right_words())
        self.removed.add(name)

    def _is_adapter(self, name: str) -> bool:
        if name not in self.known:  # another distribution may bring it
            self.known.update((row.word, row) for row in theirs())
        return name in self.known

    def _right_words(self) -> "tuple[str, ...]":
        return (*GROUPS, *_SETS, *_KINDS, *self.known, *(option + "=" for option in _OPTIONS if option != "dns"))

    def choice(self) -> Choice:
        """What all words together ask for."""
        if len(self.sets) > 1:
            raise _error(
                f"the spec {_shown(self.text)} asks for 'all' and for 'gevent', which is 'all' without adapters; "
                "leave one of them out"
            )
        choice = Choice()
        groups = self._groups()
        without_sockets = "socket" in self.removed and "dns" not in self.groups
        if "dns" in self.removed or not self.options["dns"] or without_sockets:
            groups.discard("dns")
            self.options["dns"] = False
        choice.wanted = wanted(groups, [name for name in OPTIONS if self.options[name]])
        choice.adapters = self._adapters()
        choice.options = {name: value for name, value in self.options.items() if name not in OPTIONS}
        if choice.options.get("monitor_log") and "monitor" not in choice.options:
            raise _error(f"the spec {_shown(self.text)} has monitor_log without monitor; add monitor=100, say")
        mended = [row.word for row in self.known.values() if row.is_wanted(choice)]
        choice.warnings = unmet_messages(groups, mended) + self._unmet_adapters(choice.wanted)
        if not choice:
            choice.warnings.append(f"nothing is left to be made cooperative of the spec {_shown(self.text)}")
        return choice

    def _groups(self) -> "set[str]":
        everything = self.sets or not (self.groups or self.adapters)
        needed = {_GROUP_OF[need] for row in self._named() for need in row.needs if need in _GROUP_OF}
        return _with_needs(self.groups | (set(GROUPS) if everything else needed), self.removed) - self.removed

    def _named(self) -> "list[Adapter]":
        return [row for row in self.known.values() if row.word in self.adapters or row.kind + "s" in self.adapters]

    def _adapters(self) -> "set[str]":
        chosen = {*self.adapters}
        if "all" in self.sets or not (self.sets or self.groups or self.adapters):
            chosen.add("all")
        for kind in self.removed.intersection(_KINDS):
            chosen.discard(kind)
            chosen.update("-" + row.word for row in self.known.values() if row.kind + "s" == kind)
        return chosen - self.removed | {"-" + word for word in self.removed if word in self.known}

    def _unmet_adapters(self, chosen: "Wanted") -> "list[str]":
        """Adapters that were asked for by name, and what they need was taken out."""
        rows = [(row.word, need) for row in self._named() if row.word in self.adapters for need in row.needs]
        return [
            f"the adapter {word} does nothing without {need}, which was taken out. Leave {need} in, or {word} out too."
            for word, need in rows
            if need not in chosen
        ]


def _with_needs(groups: "set[str]", removed: "set[str]") -> "set[str]":
    while True:
        needed = {need for _, need, _ in _unmet(groups - removed, ())} - groups
        if not needed:
            return groups
        groups = groups | needed


def _unmet(groups: "Collection[str]", mended: "Collection[str]") -> "list[tuple[str, str, str]]":
    """Each (group, group it needs and lacks, what goes wrong) of *groups*, where no adapter of *mended* helps."""
    needs = [(group, *need) for group in GROUPS if group in groups for need in _NEEDS.get(group, ())]
    return [(group, need, harm) for group, need, harm, cure in needs if need not in groups and cure not in mended]


def unmet_messages(groups: "Collection[str]", mended: "Collection[str]" = ()) -> "list[str]":
    """A warning for each group of *groups* whose needs were left out, and no adapter of *mended* helps."""
    return [
        f"{group} is made cooperative without {need}: {harm}. Add {need}, or leave {group} out too."
        for group, need, harm in _unmet(groups, mended)
    ]


def _shown(text: str) -> str:
    """*text* in quotes, on one line and not longer than one."""
    shown = ascii(text)
    return shown if len(shown) <= 80 else f"{shown[:60]}...{shown[-1]} ({len(text)} characters)"


def _unknown(word: str, text: str, known: "Iterable[str]", what: str = "word") -> Exception:
    from difflib import get_close_matches

    words = list(dict.fromkeys(known))
    near = get_close_matches(word.lower()[:80], words, 1)
    nearest = f"; the nearest is {near[0]!r}" if near else ""
    separators = [mark for mark in (";", " ", ":", "+", "|") if mark in word]
    if separators and all(part.strip("- ").lower() in words for part in word.split(separators[0]) if part.strip()):
        nearest = f"; separate words by commas, not by {separators[0]!r}"
    return _error(f"unknown {what} {_shown(word)} in the spec {_shown(text)}{nearest}; known: {', '.join(words)}")


def _error(message: str) -> Exception:
    from ._errors import LazyPatchError

    return LazyPatchError(message)
