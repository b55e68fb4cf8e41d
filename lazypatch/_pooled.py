"""Calls that a program wants made in a pool of native threads: read from a text, and kept until their module loads."""

from ._adapters import Adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol

    from ._adapters import Waiting
    from ._targets import Selection

    class Scheduling(Protocol):
        """What is asked of the scheduler."""

        adapters: Waiting

    class Host(Protocol):
        """What is asked of the session."""

        selection: Selection
        libraries: set[str]

        @property
        def made(self) -> object: ...  # true once there is a scheduler
        @property
        def scheduler(self) -> Scheduling: ...
        def watch(self, names: Iterable[str]) -> None: ...


WORD = "in_threadpool"
asked: "set[str]" = set()  # the modules


class Pooled(Adapter):
    """One module, and the names of its calls. It is wanted whatever the spec says: somebody asked for just this."""

    __slots__ = ("names",)

    def __init__(self, module: str) -> None:
        super().__init__(WORD, module)
        self.names: "dict[str, None]" = {}

    def is_wanted(self, selection: object) -> bool:
        """Always."""
        return True

    def load(self) -> "Callable[[Any], object]":
        """Its function."""
        plan: "Any" = super().load()
        return lambda module: plan(module, list(self.names))


def read(text: str) -> "list[tuple[str, str]]":
    """Each call that *text* names, as ``module:Class.method``, with a ``+`` between two of them.

    :raises LazyPatchError: if it is something else.
    """
    calls = []
    for part in text.split("+") if isinstance(text, str) else [text]:
        module, colon, name = (half.strip() for half in part.partition(":")) if isinstance(part, str) else ("", "", "")
        if not colon or not all(word.isidentifier() for word in (*module.split("."), *name.split("."))):
            from ._errors import LazyPatchError

            raise LazyPatchError(
                f"{WORD} takes calls as 'module:function' or 'module:Class.method', with '+' between two in one "
                f"text; it was given {part!r}"
            )
        calls.append((module, name))
    return calls


def add(host: "Host", calls: "Iterable[tuple[str, str]]") -> None:
    """Want the *calls*, too; they are exchanged at the next look at what is loaded, or when their module loads."""
    wanted: "dict[str, Any]" = host.selection.extra
    for module, name in calls:
        row = wanted.setdefault(module, Pooled(module))
        row.names[name] = None
        asked.add(module)
        host.libraries.add(module)
        host.watch([module])
        if host.made:
            host.scheduler.adapters.look_again(row)
