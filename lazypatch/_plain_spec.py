"""Specs of bare words that cannot go wrong: what they ask for, at a fifth of the cost of the parser (_spec.py).

``gevent``, groups, and adapters put in and taken out of everything. Everything else is the parser's: options, groups
that are taken out, single adapters, mistakes.
"""

from ._targets import GROUPS, OPTIONS, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._targets import Wanted

EVERYTHING = ("all", "1", "on", "true", "yes")
# What a group cannot work without (_spec.py says what goes wrong).
NEEDS = {
    "socket": ("thread", "ssl"),
    "ssl": ("socket",),
    "thread": ("select", "time", "socket", "queue", "os", "subprocess"),
    "os": ("thread", "subprocess", "signal"),
    "subprocess": ("thread", "os", "signal"),
    "signal": ("os",),
    "queue": ("thread",),
}
# Of the adapters in _adapters.py that a spec can name.
WORDS = (
    " ssl-classes ssl-socket os-close os-read os-wait os-daemon os-lockf fork-threads thread-errors thread-classes "
    "ctrl-c signal-main signal-waits thread-rlock finalizers thread-raise thread-local polling queue-class "
    "time-sleep select-epoll select-poll socket-class socket-calls socket-sharing name-lookups subprocess-run "
    "signal-masks socket-detach asyncio native-threads pydevd eventlet uvloop io-open stdin input getpass fcntl "
    "multiprocessing interpreters sqlite3 curses tkinter psycopg2 psycopg zmq grpc grpc-aio pynng pycurl "
    "confluent-kafka mysqlclient curl-cffi pymssql pylibmc python-ldap mysql-connector driver-warnings "
)


def read(text: str) -> "tuple[Wanted, set[str]] | None":
    """The targets and the adapters that *text* asks for; None if that is the parser's to say."""
    sets: "set[str]" = set()
    groups: "set[str]" = set()
    adapters: "set[str]" = set()
    for word in [word.strip() for word in text.lower().split(",")]:
        if word in GROUPS:
            groups.add(word)
        elif word in EVERYTHING or word == "gevent":
            sets.add("gevent" if word == "gevent" else "all")
        elif f" {word.removeprefix('-')} " in WORDS:
            adapters.add(word)
        else:
            return None
    named = {word for word in adapters if word[0] != "-"}
    if len(sets) > 1 or (named and not sets) or any("-" + word in adapters for word in named):
        return None
    if "all" in sets or not (sets or groups):
        adapters.add("all")
    return wanted(with_needs(groups) if groups and not sets else GROUPS, OPTIONS), adapters


def with_needs(groups: "Iterable[str]", without: "Iterable[str]" = ()) -> "set[str]":
    """*groups*, and those that they need, and those need, but for what those *without* need."""
    found, new = set(groups), set(groups)
    while new:
        new = {need for group in new.difference(without) for need in NEEDS.get(group, ())} - found
        found |= new
    return found
