"""What a threading.local holds for the main thread, when greenlets cannot be asked who they are any more."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_MISSING = object()
_later: "dict[int, dict[str, Any]]" = {}  # what is set now in one that the main thread had not used, by its id
_known: "Callable[[object], Iterator[dict[str, Any]]]"  # gives what the main thread had in a local, if it had anything


def go_on(kind: "Any", known: "Callable[[object], Iterator[dict[str, Any]]]") -> None:
    """Have *kind*, and its subclasses, look for attributes in what *known* gives for each."""
    global _known
    _known = known
    kind.__getattribute__, kind.__setattr__, kind.__delattr__ = _get, _set, _delete


def _attributes(self: object) -> "dict[str, Any]":
    """Nothing keeps them but the local itself: each is to be finalized as if nobody knew of it."""
    for values in _known(self):
        return values
    return _later.setdefault(id(self), {})


def _in_class(self: object, name: str) -> "Any":
    for kind in type(self).__mro__:
        found = kind.__dict__.get(name, _MISSING)
        if found is not _MISSING:
            return found
    return _MISSING


def _get(self: object, name: str) -> "Any":
    if name == "__dict__":
        return _attributes(self)
    found, kind = _in_class(self, name), type(self)
    get = getattr(type(found), "__get__", None)
    if get is not None and (hasattr(type(found), "__set__") or hasattr(type(found), "__delete__")):
        return get(found, self, kind)
    own = _attributes(self).get(name, _MISSING)
    if own is not _MISSING:
        return own
    if get is not None:
        return get(found, self, kind)
    if found is _MISSING:
        shown = "_thread._local" if kind.__module__ == "_thread" else kind.__name__
        raise AttributeError(f"{shown!r} object has no attribute {name!r}")
    return found


def _set(self: object, name: str, value: object) -> None:
    _refuse(name)
    put = getattr(type(_in_class(self, name)), "__set__", None)
    if put is not None:
        put(_in_class(self, name), self, value)
    else:
        _attributes(self)[name] = value


def _delete(self: object, name: str) -> None:
    _refuse(name)
    remove = getattr(type(_in_class(self, name)), "__delete__", None)
    if remove is not None:
        remove(_in_class(self, name), self)
    elif name in _attributes(self):
        del _attributes(self)[name]
    else:
        raise AttributeError(name)


def _refuse(name: str) -> None:
    if name == "__dict__":
        raise AttributeError("attribute '__dict__' is read-only")
