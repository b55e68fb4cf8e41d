"""The spec language, from text to what is wanted: pure, nothing is armed, and no library is imported.

A spec is ``all``, or words separated by commas. A word is a group of targets, or an adapter; ``-WORD`` takes one out;
``OPTION=VALUE`` sets an option; ``only=GLOB`` and ``not=GLOB`` say which programs are meant. ``all`` is everything that
makes programs cooperative, ``gevent`` what gevent.monkey patches, ``corrections`` and ``extensions`` all adapters of
a kind.
"""

from ._adapters import ADAPTERS, CORRECTION, EXTENSION, PART, theirs
from ._plain_spec import EVERYTHING, NEEDS, with_needs
from ._spec_options import PATTERNS, READ, REPEATED, error, shown, unknown
from ._targets import GROUPS, OPTIONS, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from ._adapters import Adapter
    from ._spec_options import Value
    from ._targets import Wanted

# What goes wrong if a group has to do without another one that it needs, and the adapter that mends that, if one does.
_HARM: "dict[tuple[str, str], tuple[str, str]]" = {
    ("socket", "thread"): ("a socket that several native threads use may be waited for for ever", ""),
    ("socket", "ssl"): ("TLS fails with TypeError, since ssl's own classes do not take gevent's sockets", ""),
    ("ssl", "socket"): ("an SSLSocket is made from a blocking socket", ""),
    # Who waits natively stops all threads, also the one that it waits for.
    ("thread", "select"): ("asyncio.to_thread() and every other wait in selectors block all threads for ever", ""),
    ("thread", "time"): ("a loop around time.sleep() that waits for another thread blocks all threads for ever", ""),
    ("thread", "socket"): ("two threads that talk through sockets block all threads for ever", ""),
    ("thread", "queue"): (
        "ThreadPoolExecutor and every other wait in a SimpleQueue block all threads for ever",
        "",
    ),
    ("thread", "os"): ("os.waitpid() in a thread blocks all threads until that child ends", ""),
    ("thread", "subprocess"): ("waiting for a child in a thread blocks all threads until that child ends", "os-wait"),
    ("os", "thread"): ("os.waitpid() works in the main thread only", ""),
    ("os", "subprocess"): (
        "subprocess.run() may wait for ever for a pipe that os.close() closes only later",
        "os-close",
    ),
    ("os", "signal"): ("os.waitpid() waits for ever once the program handles SIGCHLD", "os-wait"),
    ("subprocess", "thread"): ("subprocess works in the main thread only", ""),
    ("subprocess", "os"): (
        "after one subprocess.run(), os.fork() with os.waitpid() fails with ChildProcessError",
        "",
    ),
    ("subprocess", "signal"): (
        "handlers of SIGCHLD are not called, and waiting for a child may never end once there is one",
        "os-wait",
    ),
    ("signal", "os"): ("handlers of SIGCHLD are not called and os.waitpid() may miss children", ""),
    ("queue", "thread"): ("waiting in a queue for another native thread fails with LoopExit", ""),
}

_NOTHING = ("", "0", "off", "none", "false", "no")
_SETS = ("all", "gevent")
_KINDS = (CORRECTION + "s", EXTENSION + "s")
_GROUP_OF = {target: group for group in GROUPS for target in wanted([group], ()) if group != "dns"}


class Choice:
    """What a spec asks for."""

    def __init__(self) -> None:
        self.wanted: "Wanted" = {}  # targets and their options
        self.adapters: "set[str]" = set()  # words, and those that stand for many; "-WORD" for what was taken out
        self.options: "dict[str, Value]" = {}  # those that concern no target, such as strict
        self.only: "list[str]" = []  # patterns of the programs that are meant; all are if it is empty
        self.without: "list[str]" = []  # patterns of those that are not
        self.inherit: "bool | None" = None  # whether child processes are to be asked for it, too; as it is if None
        self.warnings: "list[str]" = []  # what will not work, a sentence each

    def __bool__(self) -> bool:
        return bool(self.wanted or self.adapters)


def parse(text: str) -> Choice:
    """What the spec *text* asks for.

    Without any word that is put in, ``all`` is. A group or an adapter brings the groups that it needs.

    :raises LazyPatchError: for a word that is not of this language; it names the word, the nearest right one and
        all right ones. For a contradiction, which it names.
    """
    if not isinstance(text, str):
        raise error(f"a spec is a text such as 'all' or 'socket,ssl'; it was given {text!r}")
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
            raise error(f"the spec {shown(text)} holds no word; 'all' makes everything cooperative, 'none' nothing")
        self.known = {row.word: row for row in ADAPTERS if row.kind != PART}
        self.sets: "set[str]" = set()
        self.groups: "set[str]" = set()
        self.adapters: "set[str]" = set()
        self.removed: "set[str]" = set()
        self.options: "dict[str, Value]" = dict.fromkeys(OPTIONS, True)
        self.patterns: "dict[str, list[str]]" = {name: [] for name in PATTERNS}

    def read(self, word: str) -> None:
        """Take one word into account."""
        name, equals, value = (part.strip() for part in word.partition("="))
        lower = name.lower()
        if equals:
            self._set(name, value)
        elif lower.startswith("-"):
            self._remove(lower[1:].strip())
        elif lower in EVERYTHING or lower in _SETS:
            self.sets.add("gevent" if lower == "gevent" else "all")
        elif lower in GROUPS:
            self.groups.add(lower)
        elif lower in _KINDS or self._is_adapter(lower):
            self.adapters.add(lower)
        else:
            raise unknown(name, self.text, self._right_words())

    def _set(self, name: str, value: str) -> None:
        if name.lower() in PATTERNS:
            self.patterns[name.lower()].append(value)
            return
        known = {option.lower(): option for option in READ}
        option = known.get(name.lower())
        if option is None:
            raise unknown(name, self.text, (*READ, *PATTERNS), "option")
        read, before = READ[option](option, value, self.text), self.options.get(option)
        self.options[option] = f"{before}+{read}" if before and option in REPEATED else read

    def _remove(self, name: str) -> None:
        if name in _SETS or name in EVERYTHING:
            raise error(
                f"the spec {shown(self.text)} takes {name!r} out, which leaves nothing; say 'none' to make nothing "
                "cooperative, and '-' with one word to take one thing out"
            )
        if name not in GROUPS and name not in _KINDS and not self._is_adapter(name):
            raise unknown(name, self.text, self._right_words())
        self.removed.add(name)

    def _is_adapter(self, name: str) -> bool:
        if name not in self.known:  # another distribution may bring it
            self.known.update((row.word, row) for row in theirs())
        return name in self.known

    def _right_words(self) -> "tuple[str, ...]":
        return (
            *GROUPS,
            *_SETS,
            *_KINDS,
            *self.known,
            *(name + "=" for name in (*READ, *PATTERNS) if name != "dns"),
        )

    def choice(self) -> Choice:
        """What all words together ask for."""
        if len(self.sets) > 1:
            raise error(
                f"the spec {shown(self.text)} asks for 'all' and for 'gevent', which is 'all' without adapters; "
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
        inherit = choice.options.pop("inherit", None)
        choice.inherit = None if inherit is None else bool(inherit)
        choice.only, choice.without = self.patterns["only"], self.patterns["not"]
        if choice.options.get("monitor_log") and "monitor" not in choice.options:
            raise error(f"the spec {shown(self.text)} has monitor_log without monitor; add monitor=100, say")
        mended = [row.word for row in self.known.values() if row.is_wanted(choice)]
        choice.warnings = unmet_messages(groups, mended) + self._unmet_adapters(choice.wanted)
        if not choice:
            choice.warnings.append(f"nothing is left to be made cooperative of the spec {shown(self.text)}")
        return choice

    def _groups(self) -> "set[str]":
        everything = self.sets or not (self.groups or self.adapters)
        needed = {_GROUP_OF[need] for row in self._named() for need in row.needs if need in _GROUP_OF}
        return with_needs(self.groups | (set(GROUPS) if everything else needed), self.removed) - self.removed

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


def _unmet(groups: "Collection[str]", mended: "Collection[str]") -> "list[tuple[str, str, str]]":
    """Each (group, group it needs and lacks, what goes wrong) of *groups*, where no adapter of *mended* helps."""
    needs = [(group, need) for group in GROUPS if group in groups for need in NEEDS.get(group, ())]
    harms = [(*pair, *_HARM[pair]) for pair in needs if pair[1] not in groups]
    return [(group, need, harm) for group, need, harm, cure in harms if cure not in mended]


def unmet_messages(groups: "Collection[str]", mended: "Collection[str]" = ()) -> "list[str]":
    """A warning for each group of *groups* whose needs were left out, and no adapter of *mended* helps."""
    return [
        f"{group} is made cooperative without {need}: {harm}. Add {need}, or leave {group} out too."
        for group, need, harm in _unmet(groups, mended)
    ]
