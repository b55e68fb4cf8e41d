"""First imports of invented targets, in threads that Hypothesis switches: finder, scheduler and session are real.

One thread runs at a time. It hands over where the example says so (between two lines of a body or of lazypatch), and
where it would have to wait: importlib's locks and the loader's are of a kind here that hands over instead of blocking.
So nothing depends on time, a hang is seen at once (everybody waits), and an example can be repeated and made smaller.

What is invented: low modules, targets, a package in gevent's place with an inner module and a source for each target,
and users; none of them imports in a circle, so that natively no order of threads can fail. One body may raise.

Arguments: how many examples, and a seed (without one: the same examples each time).
"""

import faulthandler
import sys

faulthandler.dump_traceback_later(300, exit=True)
import _frozen_importlib as bootstrap
import _frozen_importlib_external as external
import _imp
import _thread
import os


from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from lazypatch import _errors, _scheduler, _session, _steps, _turns
from lazypatch._around_gevent import undisturbed
from lazypatch._targets import TARGETS, Target, names_to_watch

OURS = os.path.dirname(_session.__file__)
start, native_lock, native_rlock, ident = (
    _thread.start_new_thread,
    _thread.allocate_lock,
    _thread.RLock,
    _thread.get_ident,
)


class Boom(Exception):
    """What the body that fails raises."""


class Hang(BaseException):
    """Everybody waits."""


class Baton:
    """Who may run, and whom the example lets run next."""

    def __init__(self, turns, cuts):
        self.turns, self.cuts = list(turns), set(cuts)
        self.gates, self.running, self.waits, self.lines, self.hung = {}, None, 0, 0, None
        self.look = bool

    def __call__(self, choice):
        """Let the thread that is *choice* places behind this one run, and come back when it is this one's turn."""
        me, others = ident(), list(self.gates)
        if me in self.gates and not self.hung:
            others = others[others.index(me) :] + others[: others.index(me)]
            self.look()
            self.switch(others[choice % len(others)])
        if self.hung:
            raise self.hung

    def switch(self, other):
        me = ident()
        if other != me:
            self.running = other
            self.gates[other].release()
            self.gates[me].acquire()

    def point(self):
        self.waits = 0
        self(self.turns.pop(0) if self.turns else 0)

    def wait(self):
        """This thread cannot go on now."""
        self.waits += 1
        if self.waits > 20 * len(self.gates) + 20 and not self.hung:
            frames = sys._current_frames()
            self.hung = Hang("\n".join(stack(frames[who]) for who in self.gates if who in frames))
        self(1)

    def trace(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line" and self.running == ident():
            self.lines += 1
            if self.lines in self.cuts:
                # Whoever holds the global import lock cannot be made to hand over where another one would need it.
                self.cuts.add(self.lines + 1) if _imp.lock_held() else self(1)
        return self.trace

    def run(self, works):
        """Run each of *works* in a thread of its own until all are done."""
        everybody, left = native_lock(), [len(works)]
        everybody.acquire()

        def body(work, begun):
            gate = self.gates[ident()] = native_lock()
            gate.acquire()
            begun.release()
            gate.acquire()
            sys.settrace(self.trace)
            try:
                work()
            except Hang:
                pass
            finally:
                sys.settrace(None)
                self.waits = 0
                del self.gates[ident()]
                left[0] -= 1
                self.running = next(iter(self.gates), None)
                (self.gates[self.running] if self.gates else everybody).release()

        for work in works:
            begun = native_lock()
            begun.acquire()
            start(body, (work, begun))
            begun.acquire()
        self.running = next(iter(self.gates))
        self.gates[self.running].release()
        everybody.acquire()
        if self.hung:
            raise AssertionError(f"all threads wait:\n{self.hung}")


def stack(frame):
    lines = []
    while frame is not None:
        lines.append(
            f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname if hasattr(frame.f_code, 'co_qualname') else frame.f_code.co_name}"
        )
        frame = frame.f_back
    return "\n".join(lines) + "\n"


baton = Baton((), ())


class Lock:
    """A native lock of which nobody waits with the baton in his hand."""

    make = staticmethod(native_lock)

    def __init__(self):
        self.native = self.make()
        self.release = self.native.release

    def acquire(self, blocking=True, timeout=-1):
        while not self.native.acquire(False):
            if not blocking:
                return False
            baton.wait()
            if timeout >= 0:
                return self.native.acquire(False)
        return True

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exc_info):
        self.release()

    def _is_owned(self):
        return self.native._is_owned()


class RLock(Lock):
    make = staticmethod(native_rlock)


class View:
    """What importlib uses of _thread."""

    get_ident, allocate_lock, RLock = staticmethod(ident), Lock, RLock


class World(external.SourceLoader):
    """The invented modules of one example, in memory, and what was seen of them."""

    def __init__(self, plan, prefix):
        self.plan, self.prefix, self.ran, self.sources = plan, prefix, [], {}
        lows, targets = plan["lows"], plan["targets"]
        self.runtime = self.name("rt")
        for number, needs in enumerate(lows):
            self.write(f"low{number}", [f"low{low % number}" for low in needs if number])
        for number, (low, before) in enumerate(targets):
            if number - 1 in plan["after"]:  # as selectors, whose body looks at select
                before = [number - 1, *before]
            self.write(f"t{number}", self.lows(low) + [f"t{other % number}" for other in before if number], "native")
            self.write(
                f"rt.s{number}",
                [
                    "rt.core",
                    f"t{number}",
                    *self.lows(low),
                    *[f"rt.s{other % number}" for other in plan["together"] if number],
                ],
                "cooperative",
            )
        self.write(
            "rt",
            ["rt.core", *self.lows(plan["needs"][0]), *[f"t{number % len(targets)}" for number in plan["needs"][1]]],
        )
        plugins = [f"u{number % len(plan['users'])}" for number in plan["plugins"] if plan["users"]]
        self.write("rt.core", self.lows(plan["needs"][2]) + plugins)
        for number, (low, some, users) in enumerate(plan["users"]):
            self.write(
                f"u{number}",
                [
                    *self.lows(low),
                    *[f"t{other % len(targets)}" for other in some],
                    *[f"u{other % number}" for other in users if number],
                ],
            )
        self.names = [name for name in self.sources if not name.endswith("core")]

    def works(self):
        """What each thread imports. The inner module is for one thread only, and then the package is, too.

        A package's body and another thread that both import one of its submodules can fail natively.
        """
        works = [[self.names[number % len(self.names)] for number in thread] for thread in self.plan["threads"]]
        if self.plan["inner"]:
            works[0].insert(0, self.name("rt.core"))
            works[1:] = [[name for name in work if not name.startswith(self.runtime)] for work in works[1:]]
        return works

    def lows(self, numbers):
        return [f"low{number % len(self.plan['lows'])}" for number in numbers if self.plan["lows"]]

    def name(self, short):
        return f"{self.prefix}_{short}"

    def write(self, short, needs, value=None):
        fails = len(self.sources) == self.plan["fails"]
        lines = ["import __main__ as main", f"main.began({self.name(short)!r})"]
        for need in dict.fromkeys(needs):
            lines += [f"import {self.name(need)}", "main.baton.point()"]
        if value:
            lines += ["__implements__ = ['one', 'two']", f"one = {value!r}", "main.baton.point()", f"two = {value!r}"]
        lines += [f"raise main.Boom({short!r})"] if fails else []
        self.sources[self.name(short)] = "\n".join([*lines, "main.baton.point()"])

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        spec = bootstrap.ModuleSpec(name, self, origin="frozen", is_package=name == self.runtime)
        spec._set_fileattr = True
        return spec

    def get_filename(self, name):
        return f"/{name}.py"

    def get_data(self, path):
        return self.sources[path[1:-3]].encode()

    def is_package(self, name):
        return name == self.runtime

    def path_stats(self, path):
        raise OSError

    def outcome(self, name):
        """What importing *name* gives: None, or what it raised and the lines that it came through."""
        try:
            __import__(name)
        except Boom as error:
            lines, tb = [], error.__traceback__.tb_next
            while tb is not None:
                lines.append((tb.tb_frame.f_code.co_filename.replace(self.prefix, ""), tb.tb_lineno))
                tb = tb.tb_next
            return str(error), lines
        return None

    def forget(self):
        sys.meta_path.remove(self)
        for name in [name for name in sys.modules if name.startswith(self.prefix + "_")]:
            del sys.modules[name]


def began(name):
    world.ran.append(name)


class Steps(_steps.Steps):
    """Told of the world's package as of gevent."""

    def __init__(self, session):
        super().__init__(session)
        self.told = []

    def minds(self, name):
        return super().minds("gevent" if name == world.runtime else name)

    def before(self, name, unlocked=None):
        self.told.append(("before", name, len(world.ran)))
        super().before("gevent" if name == world.runtime else name, unlocked)

    def mend(self):
        """Not here: it looks at every module that this process has."""

    def after(self, name, module):
        self.told.append(("after", name, module))
        super().after(name, module)


class Scheduler(_scheduler.Scheduler):
    """Loads the world's package instead of gevent."""

    def __init__(self, session):
        super().__init__(session, session.selection, session.standins, [])
        self._new_rlock = RLock
        self.one_loader, self.originals._lock = RLock(), RLock()
        self.truth.load = lambda *originals: __import__(world.runtime)


def arm(given):
    session = _session.Session()
    session.steps = Steps(session)
    TARGETS.clear()
    for number in range(len(given.plan["targets"])):
        first = f"t{number + 1}" if number in given.plan["after"] and number + 1 < len(given.plan["targets"]) else ""
        row = TARGETS[given.name(f"t{number}")] = Target(
            given.name(f"t{number}"), "", "one two", after=first and given.name(first)
        )
        row.source = given.name(f"rt.s{number}")
    session.selection.wanted = {name: frozenset() for name in TARGETS}
    session.watch(names_to_watch(session.selection.wanted))
    session.finder.names.add(given.runtime)
    session.steps.undisturbed = undisturbed
    session.made["it"] = Scheduler(session)
    return session


def run(plan):
    global world, baton
    run.number = getattr(run, "number", 0) + 1
    native = world = World(plan, f"n{run.number:04}")
    sys.meta_path.append(native)
    baton = Baton((), ())
    expected = {name[6:]: native.outcome(name) for name in [*native.names, native.name("rt.core")]}
    native.forget()
    world = World(plan, f"a{run.number:04}")
    sys.meta_path.append(world)
    session, baton = arm(world), Baton(plan["turns"], plan["cuts"])
    try:
        Checks(session, expected).all()
    finally:
        sys.meta_path.remove(session.finder)
        world.forget()


class Checks:
    """What must be true of an example, while it runs and afterwards."""

    def __init__(self, session, expected):
        self.session, self.expected, self.gave_up, self.wrong = session, expected, [], []
        self.fails = {name for name in expected if expected[name] is not None}
        self.no_runtime = bool({"rt", "rt.core"} & self.fails)

    def all(self):
        baton.look = self.look
        original = _turns._waits_for_us

        def waits_for_us(ident, me):
            found = original(ident, me)
            self.gave_up += [True] * found
            return found

        _turns._waits_for_us = waits_for_us
        try:
            baton.run([lambda names=names: self.bring(names) for names in world.works()])
        finally:
            _turns._waits_for_us = original
        alone = not any(world.name(name) in sys.modules for name in self.fails)
        for name in world.names:
            found = world.outcome(name)
            assert self.same(name, found, alone), f"{name}: {found} instead of {self.expected[name[6:]]}"
        assert not self.wrong, self.wrong
        self.ends()

    def same(self, name, found, alone):
        """Whether *found* is what *name* gave natively.

        Not *alone*: a thread that waits for a body which fails may get the half of it, by importlib, and what imports
        that one then fails elsewhere or not at all. But the error is the same, and no line of ours is in its way.
        """
        if alone or found is None:
            return not alone or found == self.expected[name[6:]]
        known = {f"/_{other[6:]}.py" for other in world.sources}
        return (
            name[6:] in self.fails
            and found[0] == self.expected[name[6:]][0]
            and {file for file, _ in found[1]} <= known
        )

    def bring(self, names):
        for name in names:
            try:
                found = world.outcome(name)
            except Exception as error:
                if not ("rt" in self.fails and name[6:].startswith("rt.")):
                    self.wrong.append(f"{name}: {type(error).__name__}: {error}")
            else:
                if not self.same(name, found, alone=len(world.plan["threads"]) == 1):
                    self.wrong.append(f"{name}: {found} instead of {self.expected[name[6:]]}")
                elif (
                    name in TARGETS
                    and name[6:] not in self.fails
                    and self.is_native(name)
                    and not self.may_be_native(name)
                ):
                    self.wrong.append(f"{name} is native after its import")
            baton.point()

    def is_native(self, name):
        return sys.modules[name].one == "native"

    def may_be_native(self, name):
        row, scheduler = TARGETS[name], self.session.scheduler
        loading = self.no_runtime or not scheduler.loaded or scheduler.loading_thread
        return bool(
            loading
            or self.gave_up
            or row.source[6:] in self.fails
            or half(row.source)
            or (row.after and half(row.after))
        )

    def look(self):
        """Nobody ever sees half of an install."""
        for name in TARGETS:
            module = sys.modules.get(name)
            if module is not None and not half(name) and getattr(module, "one", 1) != getattr(module, "two", 2):
                if name[6:] not in self.fails:
                    self.wrong.append(f"{name} is half installed")

    def ends(self):
        told, ran = self.session.steps.told, world.ran
        for name in world.names:
            if name[6:] not in self.fails:
                assert ran.count(name) == 1, f"the body of {name} ran {ran.count(name)} times"
            if name in self.session.finder.names and name[6:] not in self.fails:
                modules = [what for kind, who, what in told if kind == "after" and who == name]
                assert modules == [sys.modules[name]], f"after {name}: {modules}"
                befores = [what for kind, who, what in told if kind == "before" and who == name]
                announced = befores and befores[0] <= ran.index(name)
                assert announced or not self.session.steps.minds(name), f"{name} ran before it was announced"
        for name, row in TARGETS.items():
            if not self.no_runtime and not {name[6:], row.source[6:], row.after[6:]} & self.fails:
                assert not self.is_native(name), f"{name} is native at the end"
        scheduler = self.session.scheduler
        assert not scheduler.busy and not scheduler.loading_thread, (scheduler.busy, scheduler.loading_thread)
        held = [lock.name for lock in [ref() for ref in list(bootstrap._module_locks.values())] if lock and lock.owner]
        assert not held, held


def half(name):
    module = sys.modules.get(name)
    return module is None or getattr(module.__spec__, "_initializing", False)


small = st.integers(0, 3)
few = st.lists(small, max_size=2)
plans = st.fixed_dictionaries(
    {
        "lows": st.lists(few, max_size=3),
        "targets": st.lists(st.tuples(few, few), min_size=1, max_size=3),
        "needs": st.tuples(few, few, few),
        "together": few,
        "plugins": few,
        "inner": st.booleans(),
        "after": st.sets(st.integers(0, 1)),
        "users": st.lists(st.tuples(few, few, few), max_size=3),
        "fails": st.one_of(st.just(-1), st.integers(0, 12)),
        "threads": st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=3), min_size=1, max_size=4),
        "turns": st.lists(small, max_size=40),
        "cuts": st.lists(st.integers(1, 500), max_size=5),
    }
)

if __name__ == "__main__":
    _errors.warn_once = lambda message: None  # natively there is no install that could fail
    bootstrap._thread = View
    examples = int(sys.argv[1])
    test = settings(
        max_examples=examples,
        derandomize=len(sys.argv) < 3,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )(given(plans)(run))
    if len(sys.argv) > 2:
        test = seed(int(sys.argv[2]))(test)
    test()
    print("ok")
