"""What lazypatch raises and warns with, and how a warning finds the user's line."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Iterable

    from ._places import Reference


class LazyPatchError(ValueError):
    """Something was asked of lazypatch that it cannot do: says what was asked, what was found, what to do."""


class LazyPatchWarning(RuntimeWarning):
    """Something will not be cooperative, or not safely so; the program goes on."""


_LONGEST = 2000  # characters of a line
_STDLIB = os.path.dirname(os.__file__) + os.sep
_OURS = ("lazypatch", "gevent", "importlib", "wrapt", "runpy", "site")


def printable(text: str, most: int = _LONGEST) -> str:
    """*text* on one line of at most *most* characters, with escapes for what would move a terminal's cursor.

    Names of threads, files and modules, specs, and other people's errors are whatever somebody chose.
    """
    if len(text) > most:
        text = text[: most - 1] + "…"
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def warn(message: str) -> None:
    """Issue a :class:`LazyPatchWarning` on the user's line. Never raises, whatever the warning filters say.

    Under ``-W error`` the line goes to stderr instead: an import must not fail because of us.
    """
    message, frame = printable(message), _users_frame()
    try:
        import warnings

        if frame is None:
            warnings.warn(message, LazyPatchWarning, stacklevel=2)
        else:
            warnings.warn_explicit(
                message,
                LazyPatchWarning,
                frame.f_code.co_filename,
                frame.f_lineno,
                registry=frame.f_globals.setdefault("__warningregistry__", {}),
            )
    except Exception:  # a filter's, or that of a showwarning() of the program's
        complain(message if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}: {message}")


_said: "set[str]" = set()


def warn_once(message: str) -> None:
    """The same, unless it has been said before in this process."""
    if message not in _said:
        _said.add(message)
        warn(message)


def _users_frame() -> "types.FrameType | None":
    """The innermost frame that is neither ours nor of the standard library; of the library if there is no other."""
    frame: "types.FrameType | None" = sys._getframe(1)
    library: "types.FrameType | None" = None
    while frame is not None:
        name, file = str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename
        if not file.startswith("<frozen") and name.partition(".")[0] not in _OURS:
            if not file.startswith(_STDLIB) or "-packages" in file:
                return frame
            library = library or frame
        frame = frame.f_back
    return library


def users_line() -> str:
    """Whose code is running: the file and line that a warning is given for."""
    frame = _users_frame()
    return "nobody who can be seen" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def complain(message: str) -> None:
    """One line on stderr, if there is one that can be written to. Never raises."""
    try:
        sys.stderr and sys.stderr.write(f"lazypatch: {printable(message)}\n")
    except Exception:  # closed, or somebody's own
        return


def one_line(error: BaseException) -> str:
    """*error* without line breaks."""
    return printable(" ".join(f"{type(error).__name__}: {error}".split()), 500)


def no_gevent(wanted: "Iterable[str]", error: BaseException, others: "Iterable[str]" = ()) -> str:
    """gevent could not be loaded; *others* are files that were found where gevent, or what it needs, was looked for."""
    import errno

    missing = isinstance(error, ModuleNotFoundError) and error.name == "gevent"
    scarce = isinstance(error, MemoryError) or getattr(error, "errno", 0) in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
    found = "gevent is not installed" if missing else f"gevent cannot be imported ({one_line(error)})"
    instead = ", ".join(others)
    return (
        f"could not make {', '.join(sorted(wanted))} cooperative: {found}"
        + (f", and {instead} is found in place of what it needs. Rename that file" if instead else "")
        + ". The program runs with the standard blocking modules. "
        + ("Raise its limits" if scarce else "Install a working gevent for this Python")
        + ", or switch lazypatch off."
    )


def in_the_way(name: str, file: str, used: str) -> str:
    """A file of the program has the name of something that gevent is made of."""
    return (
        f"gevent was to be loaded, and {file} of the program has the name of {name}, which that needs: it was passed "
        f"over for {used}, which is what 'import {name}' gives in this process. Rename {file}."
    )


def gevent_is_missing() -> str:
    """Strict mode: nothing can be made cooperative."""
    return "gevent cannot be found on sys.path, so nothing can be made cooperative: install it for this Python"


def not_installed(names: "Iterable[str]", error: BaseException) -> str:
    """An install failed and was taken back."""
    return (
        f"could not make {' and '.join(names)} cooperative: {one_line(error)}. It was left as it was, so it blocks. "
        "Please report this with your versions of Python, gevent and lazypatch."
    )


def not_adapted(word: str, error: BaseException) -> str:
    """An adapter failed and was taken back."""
    if isinstance(error, LazyPatchError):  # says itself what to do
        return f"could not install the adapter {word}: {printable(str(error), 500)}."
    return (
        f"could not install the adapter {word}: {one_line(error)}. It mends nothing here. Take it out "
        f"of the SPEC with -{word}, and please report this to whoever wrote it."
    )


def waits_in_c(name: str, calls: str, to_do: str) -> str:
    """A library was loaded that cannot be switched."""
    return (
        f"{name} was loaded in a program that is to be cooperative, and it waits in C: while {calls} wait, no other "
        f"greenlet runs. What to do: {to_do}. docs/drivers.md tells more; -driver-warnings in the SPEC is silent."
    )


def third_party_failed(target: str, source: str, error: BaseException) -> str:
    """What patch_module() was asked to do could not be done when its target first loaded."""
    return (
        f"patch_module({target!r}, {source!r}) was to change {target} at its first import, and failed: "
        f"{one_line(error)}. {target} is as it was. Mend {source}, or the names in that call."
    )


def nobody_to_exclude(name: str) -> str:
    """exclude() was given a name that nothing has."""
    return (
        f"exclude({name!r}) was to keep a module out of late repair, and no module {name.partition('.')[0]!r} can be "
        "found. Correct the name, or leave it out."
    )


def eventlet_was_to_patch() -> str:
    """The program is made for another hub."""
    return (
        "eventlet.monkey_patch() was to make this program cooperative, and lazypatch has done so with gevent: two hubs "
        "do not wake each other, so eventlet replaced nothing. Take the call out, or leave this program to eventlet "
        "(not=PROGRAM in the SPEC)."
    )


def subscriber_failed(error: BaseException) -> str:
    """Somebody who listens to gevent's events raised something."""
    return (
        f"a subscriber of gevent's monkey-patching events failed: {one_line(error)}. Patching goes on. Mend the "
        "subscriber, or take it out."
    )


def not_looked(error: BaseException) -> str:
    """Something went wrong while looking for what was too late."""
    return (
        f"could not see whether something was imported too early: {one_line(error)}. The program goes on. Please "
        "report this with your versions of Python, gevent and lazypatch."
    )


def hidden(names: "Iterable[str]", finders: str, importer: str) -> str:
    """Targets were loaded without our being asked."""
    by = f", by {finders} in front of it on sys.meta_path" if finders else ""
    return (
        f"{', '.join(names)}: imported without lazypatch being asked{by}, for {importer}. Installed now; names that "
        "were taken out before still block. Arm lazypatch after whatever puts that finder there."
    )


def wrong_thread() -> str:
    """The thread group was installed from a worker."""
    return (
        f"threads were made cooperative from another thread than the main one, for {users_line()}: "
        "threading.main_thread().join() will not work from a greenlet. Arm lazypatch, or import the first of its "
        "targets, in the main thread."
    )


def loaded_before(name: str, importer: str) -> str:
    """Strict mode: a target was there before it was armed."""
    return f"{name} was loaded before it was armed, {importer}"


def left_native(name: str) -> str:
    """Strict mode: a target could not be installed."""
    return f"{name} could not be made cooperative, so it blocks"


def left(reference: "Reference") -> str:
    """Strict mode: somebody holds an original."""
    return (
        f"{reference.place} holds the original {reference.target}.{reference.name} ({reference.why or reference.kind})"
    )


def threads_at_the_fork(names: "Iterable[str]") -> str:
    """when=fork, and the parent had native threads beside the one that forked."""
    return (
        f"when=fork was to make process {os.getpid()} cooperative, and its parent had other native threads when it "
        f"forked ({', '.join(names)}), which may have held locks: it is left native. Start those threads after the "
        "fork, or arm from the start, without when=fork."
    )


def stopped(found: "Iterable[str]") -> str:
    """Strict mode ended the process."""
    lines = "".join(f"  - {printable(problem)}\n" for problem in found)
    return (
        "lazypatch: strict mode was to start this program only if everything in it is cooperative, and found:\n"
        f"{lines}Arm lazypatch earlier (PYTHONCOOPPATCH=all, or python -m lazypatch), take out what imports these "
        "before, or leave strict mode out. Exit status 3.\n"
    )


def no_report(where: str, error: BaseException) -> str:
    """The report that was asked for could not be written."""
    return (
        f"could not write the report to {where}: {one_line(error)}. The program is not affected. Ask for it in another "
        "place, or call lazypatch.report()."
    )


def not_mended(error: BaseException) -> str:
    """Looking for raw references failed as a whole."""
    return (
        f"could not look for names that were taken before their module was made cooperative: {one_line(error)}. Those "
        "still block. Please report this with your versions of Python, gevent and lazypatch."
    )
