"""The spec language, from text to what is wanted: pure, nothing is imported or armed."""

from ._targets import GROUPS, OPTIONS, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from ._targets import Wanted

# What a group cannot work without, and what goes wrong if it has to.
_NEEDS = {
    "subprocess": (
        ("os", "after one subprocess.run(), os.fork() with os.waitpid() fails with ChildProcessError"),
        ("signal", "handlers of SIGCHLD are not called"),
    ),
    "thread": (("select", "asyncio.to_thread() and every other wait in selectors block all threads for ever"),),
    "ssl": (("socket", "an SSLSocket is made from a blocking socket"),),
    "signal": (("os", "handlers of SIGCHLD are not called and os.waitpid() may miss children"),),
}

_ALL = ("all", "1", "on", "true", "yes")
_NOTHING = ("", "0", "off", "none", "false", "no")
_SWITCHES = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}


def parse(text: str) -> "tuple[Wanted, list[str]]":
    """What the spec *text* asks for, and warnings about what will fail.

    Grammar: ``all``, or group names, separated by commas; ``-NAME`` takes a group out; ``OPTION=0`` or ``=1`` sets
    an option (``strict`` is one, see :func:`strict`). Without any group that is put in, everything is. A group brings
    the groups that it needs.

    :raises LazyPatchError: for a word that is not of this language; it names the word, the nearest right one and
        all right ones.
    """
    words = [word.strip() for word in text.split(",")]
    if len(words) == 1 and words[0].lower() in _NOTHING:
        return {}, []
    chosen: set[str] = set()
    named: set[str] = set()
    removed: set[str] = set()
    options = set(OPTIONS)
    for word in filter(None, words):
        if "=" in word:
            _set_option(options, word, text)
        elif word.startswith("-"):
            removed.add(_group(word[1:], text))
        elif word.lower() in _ALL:
            chosen.update(GROUPS)
        else:
            named.add(_group(word, text))
    groups = _with_needs(chosen | named or set(GROUPS), removed) - removed
    without_sockets = "socket" in removed and "dns" not in named
    if "dns" in removed or "dns" not in options or without_sockets:
        options.discard("dns")
        groups.discard("dns")
    return wanted(groups, options), unmet_messages(groups)


def strict(text: str) -> bool:
    """Whether the spec *text* asks for strict mode (``strict=1``)."""
    words = [word.partition("=") for word in text.lower().split(",")]
    given = [value.strip() for name, _, value in words if name.strip() == "strict"]
    return bool(given) and _SWITCHES.get(given[-1], False)


def _with_needs(groups: "set[str]", removed: "set[str]") -> "set[str]":
    while True:
        needed = {need for _, need, _ in _unmet(groups - removed)} - groups
        if not needed:
            return groups
        groups = groups | needed


def _unmet(groups: "Collection[str]") -> "list[tuple[str, str, str]]":
    """Each (group, group it needs and lacks, what goes wrong) of *groups*."""
    needs = [(group, need, harm) for group in GROUPS if group in groups for need, harm in _NEEDS.get(group, ())]
    return [row for row in needs if row[1] not in groups]


def unmet_messages(groups: "Collection[str]") -> "list[str]":
    """A warning for each group of *groups* whose needs were left out."""
    return [
        f"{group} is made cooperative without {need}: {harm}. Add {need}, or leave {group} out too."
        for group, need, harm in _unmet(groups)
    ]


def _group(word: str, text: str) -> str:
    name = word.strip().lower()
    if name not in GROUPS:
        raise _unknown(word, text, (*GROUPS, "all", *OPTIONS))
    return name


def _set_option(options: "set[str]", word: str, text: str) -> None:
    name, _, value = (part.strip() for part in word.partition("="))
    known = {option.lower(): option for option in (*OPTIONS, "strict")}
    if name.lower() not in known:
        raise _unknown(name, text, tuple(known.values()))
    if value.lower() not in _SWITCHES:
        raise _unknown(value, text, ("0", "1"))
    if _SWITCHES[value.lower()]:
        options.add(known[name.lower()])
    else:
        options.discard(known[name.lower()])


def _unknown(word: str, text: str, known: "tuple[str, ...]") -> Exception:
    from difflib import get_close_matches

    from ._errors import LazyPatchError

    near = get_close_matches(word, known, 1)
    nearest = f"; the nearest word is {near[0]!r}" if near else ""
    return LazyPatchError(f"unknown word {word!r} in the spec {text!r}{nearest}; known words: {', '.join(known)}")
