"""Modules with raw references in random shapes: after a repair each is mended or reported, and nothing else changed.

What is there is read through an expression of the shape's own, never through what repair found.
"""

import functools
import os
import queue
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
import types

import lazypatch

lazypatch.exclude("__main__")
lazypatch.patch_all(Event=True)

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from lazypatch._session import session
from lazypatch.late.repair import repair


def mend():
    it = session()
    return repair(it.selection, it.scheduler.originals, it.scheduler.commit, it.at_work().accepts)


NAMES = {
    "time": ["sleep"],
    "threading": ["Lock", "Event", "Thread", "local", "get_ident"],
    "queue": ["Queue", "LifoQueue", "SimpleQueue"],
    "socket": ["socket", "create_connection", "getaddrinfo"],
    "subprocess": ["run", "Popen"],
    "ssl": ["SSLContext"],
    "select": ["select"],
    "os": ["fork", "waitpid"],
}
ORIGINALS = [
    (f"{module}.{name}", lazypatch.get_original(module, name), getattr(sys.modules[module], name))
    for module, names in NAMES.items()
    for name in names
]
assert all(old is not new for _, old, new in ORIGINALS)

# shape -> (source, expressions that give what is held). {n} makes the names differ, {r} is the reference. A class
# attribute that is a Python function is bound when it is read off an instance, so it is read off the class.
SHAPES = {
    "global": ("g{n} = {r}", ["g{n}"]),
    "class attribute": ("class A{n}:\n    x = {r}", ["A{n}.x"]),
    "nested class": ("class N{n}:\n    class Inner:\n        x = {r}", ["N{n}.Inner.x"]),
    "static": ("class S{n}:\n    x = staticmethod({r})", ["S{n}.x"]),
    "slots": ("class Z{n}:\n    __slots__ = ()\n    x = {r}", ["Z{n}.x"]),
    "metaclass": (
        "class M{n}(type):\n    def __setattr__(cls, name, value):\n        raise AttributeError(name)\n"
        "class O{n}(metaclass=M{n}):\n    x = {r}",
        ["O{n}.x"],
    ),
    "default": ("def d{n}(a, b={r}, c=None): pass", ["d{n}.__defaults__[0]"]),
    "two defaults": ("def t{n}(a={r}, b={r}): pass", ["t{n}.__defaults__[0]", "t{n}.__defaults__[1]"]),
    "keyword default": ("def k{n}(*, a={r}): pass", ["k{n}.__kwdefaults__['a']"]),
    "method default": ("class D{n}:\n    def f(self, a={r}): pass", ["D{n}.f.__defaults__[0]"]),
    "class method": (
        "class C{n}:\n    @classmethod\n    def f(cls, a={r}): pass",
        ["C{n}.__dict__['f'].__func__.__defaults__[0]"],
    ),
    "property": (
        "class P{n}:\n    @property\n    def p(self, a={r}): pass",
        ["P{n}.__dict__['p'].fget.__defaults__[0]"],
    ),
    "lambda": ("l{n} = lambda a={r}: a", ["l{n}()"]),
    "partial": (
        "p{n} = functools.partial({r}, {r}, 1, key={r})",
        ["p{n}.func", "p{n}.args[0]", "p{n}.keywords['key']"],
    ),
    "partial in class": ("class Q{n}:\n    x = functools.partial({r})", ["Q{n}.__dict__['x'].func"]),
    "closure": ("def m{n}(held):\n    return lambda: held\nc{n} = m{n}({r})", ["c{n}()"]),
    "decorated": (
        "def w{n}(f, held={r}):\n    @functools.wraps(f)\n    def inner(): return held\n    return inner\n"
        "@w{n}\ndef e{n}(a={r}): pass",
        ["e{n}()", "e{n}.__wrapped__.__defaults__[0]", "w{n}.__defaults__[0]"],
    ),
    "cached": ("@functools.lru_cache\ndef u{n}(a={r}): return a", ["u{n}.__wrapped__.__defaults__[0]"]),
    "list": ("i{n} = [1, {r}, 'x', {r}]", ["i{n}[1]", "i{n}[3]"]),
    "dict": ("j{n} = {{'a': {r}, 'b': 2}}", ["j{n}['a']"]),
    "tuple": ("o{n} = (1, {r}, {r})", ["o{n}[1]", "o{n}[2]"]),
    "set": ("s{n} = {{{r}}}", ["*s{n}"]),
    "frozen set": ("f{n} = frozenset([{r}])", ["*f{n}"]),
    "tuple in class": ("class T{n}:\n    x = ({r},)", ["T{n}.x[0]"]),
    "list in class": ("class L{n}:\n    x = [{r}]", ["L{n}.x[0]"]),
    "instance": ("class I{n}: pass\nI{n}.one = v{n} = I{n}()\nv{n}.held = {r}", ["v{n}.held"]),
    "field": (
        "@dataclasses.dataclass\nclass F{n}:\n    x: object = dataclasses.field(default_factory={r})",
        ["F{n}.__dataclass_fields__['x'].default_factory"],
    ),
    "executed": (
        "own{n} = {{'__name__': 'own', 'held': {r}}}\nexec('def f(): return held', own{n})\n"
        "x{n} = own{n}.pop('f')\ndel own{n}",
        ["x{n}()"],
    ),
}
# These stay, and each is on record.
STAYS = {
    "key": ("y{n} = {{{r}: 1}}", ["*y{n}"]),
}
# And these are nobody's business: further away than is looked, on purpose.
HIDDEN = {"deep": ("h{n} = [[{r}]]", ["h{n}[0][0]"])}
UNRELATED = (
    "unrelated = object()\ntable = {'a': unrelated, 'b': [unrelated]}\ndef plain(a=unrelated, *, b=table): pass\n"
)

drawn = st.lists(
    st.tuples(st.sampled_from([*SHAPES, *STAYS, *HIDDEN]), st.integers(0, len(ORIGINALS) - 1)), min_size=1, max_size=8
)
tried = []


def held(module, texts, number):
    return [one for text in texts for one in eval(f"[{text.format(n=number)}]", vars(module))]


@settings(
    max_examples=int(sys.argv[1]),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),  # explaining a failure means to watch every line of every run
)
@given(drawn)
def check(shapes):
    name = f"generated_{len(tried)}"
    tried.append(shapes)
    module = types.ModuleType(name)
    import dataclasses

    vars(module).update(functools=functools, dataclasses=dataclasses)
    exec(UNRELATED, vars(module))
    for number, (shape, which) in enumerate(shapes):
        source = {**SHAPES, **STAYS, **HIDDEN}[shape][0].format(n=number, r="reference")
        vars(module)["reference"] = ORIGINALS[which][1]
        exec(source, vars(module))
        del vars(module)["reference"]
    names = list(vars(module))
    kept = {
        key: value for key, value in vars(module).items() if not isinstance(value, (tuple, frozenset)) and key[0] != "g"
    }
    unrelated = module.unrelated, module.table, module.plain, dict(module.table), list(module.table["b"])
    sys.modules[name] = module
    try:
        references = [one for one in mend() if one.module in (name, "own")]
    finally:
        del sys.modules[name]
    places = {one.place for one in references if not one.mended}
    for number, (shape, which) in enumerate(shapes):
        _, old, new = ORIGINALS[which]
        row = {**SHAPES, **STAYS, **HIDDEN}[shape]
        expected = new if shape in SHAPES else old
        if shape == "key" and isinstance(old, type):  # what belongs to a class belongs to the new one, too
            assert held(module, row[1], number) == [old, new]
            continue
        for one in held(module, row[1], number):
            assert one is expected, (shape, ORIGINALS[which][0], one)
        assert shape not in STAYS or f"a key of {name}.y{number}" in places, (shape, places)
    stays = sum(shape in STAYS and not isinstance(ORIGINALS[which][1], type) for shape, which in shapes)
    assert len(places) == stays and all(one.why for one in references if not one.mended), places
    assert list(vars(module)) == names
    assert all(vars(module)[key] is value for key, value in kept.items())
    assert unrelated == (module.unrelated, module.table, module.plain, dict(module.table), list(module.table["b"]))
    assert module.plain.__defaults__ == (module.unrelated,) and module.plain.__kwdefaults__ == {"b": module.table}
    session().selection.references.clear()


check()
assert len(tried) >= int(sys.argv[1])
print("ok")
