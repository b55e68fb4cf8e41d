"""Begins with one look at what gevent imported, in one of many ways, then asks everything else; prints what it found.

With and without lazypatch the same is printed.
"""

import gc
import importlib.util
import pickle
import sys

import gevent
import gevent.thread
import gevent.threading

core = sys.modules.get("gevent.libev.corecext")


def the_interface():
    return core and core.ILoop


def the_callback_interface():
    return core and core.ICallback


def class_implements():
    return core and core.classImplements


def zope_first():
    import zope.interface


def zope_verify_first():
    import zope.interface.verify


def interfaces_first():
    import gevent._interfaces


def interfaces_from():
    from gevent import _interfaces


def interfaces_attribute():
    return getattr(gevent, "_interfaces", None)


def events_first():
    import gevent.events


def core_first():
    import gevent.core


def all_names():
    return [vars(module) for name, module in list(sys.modules.items()) if name.startswith("gevent")]


def all_attributes():
    for name, module in list(sys.modules.items()):
        if name.startswith("gevent"):
            for item in dir(module):
                getattr(module, item)


def heap():
    return [type(each) for each in gc.get_objects()]


def print_exception():
    return core and core.print_exception.__doc__


def traceback_first():
    import traceback


def traceback_in_hub():
    return (
        gevent.hub.traceback.__doc__,
        vars(gevent.hub.traceback),
        dir(gevent.hub.traceback),
        gevent.hub.traceback.__spec__,
    )


def set_in_traceback():
    gevent.hub.traceback.mark = 1
    del gevent.hub.traceback.mark


def logging_first():
    import logging


def logger():
    gevent.monkey._errors.logger.debug("nothing")


def re_first():
    import re


def pattern():
    return gevent._tblib.FRAME_RE.pattern


def signal_first():
    import signal


def signal_watcher():
    gevent.get_hub().loop.signal(2).close()


def textwrap_first():
    import textwrap


def help_for_settings():
    gevent.config.print_help()


def hub_first():
    gevent.sleep(0)


def patch_all():
    import gevent.monkey

    gevent.monkey.patch_all()


def find_specs():
    for name in ("zope.interface", "gevent._interfaces", "logging", "textwrap", "traceback", "re", "signal"):
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.name == name
        private = importlib.util.module_from_spec(spec)
        if name in sys.modules:
            assert private is not sys.modules[name]
        else:
            assert private.__name__ == name


def lazily_loaded():
    spec = importlib.util.find_spec("traceback")
    if "traceback" not in sys.modules:
        loader = importlib.util.LazyLoader(spec.loader)
        spec.loader = loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["traceback"] = module
        loader.exec_module(module)
        module.print_exc


def nothing():
    pass


WAYS = {name: value for name, value in list(globals().items()) if callable(value) and value.__class__ is type(nothing)}


def facts():
    import importlib
    import logging
    import re
    import signal
    import textwrap
    import traceback
    import types

    import gevent._interfaces
    import gevent._tblib
    import gevent.events
    import gevent.monkey
    from zope.interface import Interface, classImplements, implementedBy, providedBy
    from zope.interface.verify import verifyObject

    loop = gevent.get_hub().loop
    yield "loop", type(loop)
    yield "the loop provides", [each.__name__ for each in providedBy(loop)]
    yield "its class implements", [each.__name__ for each in implementedBy(type(loop))]
    yield "verified", verifyObject(gevent._interfaces.ILoop, loop)
    callback = loop.run_callback(lambda: None)
    yield "a callback provides", [each.__name__ for each in providedBy(callback)]
    yield "pickled", pickle.loads(pickle.dumps(gevent._interfaces.ILoop)) is gevent._interfaces.ILoop
    if core is not None:
        yield "the same", core.ILoop is gevent._interfaces.ILoop, core.ICallback is gevent._interfaces.ICallback
        yield "zope's", core.classImplements is classImplements, core.print_exception is traceback.print_exception
        yield "modules", core.traceback is traceback, core.signalmodule is signal, type(core) is types.ModuleType
    yield "ours", gevent.hub.traceback is traceback, gevent._tblib.re is re, gevent._config.textwrap is textwrap
    yield "pattern", type(gevent._tblib.FRAME_RE) is re.Pattern, gevent._tblib.FRAME_RE.pattern
    for module in (gevent.monkey._errors, gevent.monkey._state):
        if hasattr(module, "logger"):  # gone where gevent has no use for it
            yield (
                "logger",
                module.logger is logging.getLogger(module.__name__),
                type(module.logger),
                module.logging is logging,
            )
    yield "loggers", sorted(name for name in logging.root.manager.loggerDict if name.startswith("gevent"))
    yield "documented", {item.__name__: item.__doc__ for item in gevent._config.ALL_SETTINGS}
    for name in ("zope.interface", "gevent._interfaces", "logging", "textwrap", "traceback", "re", "signal"):
        module = sys.modules[name]
        yield name, type(module), module.__spec__.name, module.__spec__.origin, sorted(set(vars(module)) - {"mark"})
    kinds = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith("gevent") and name != "gevent.core" and issubclass(type(module), types.ModuleType):
            kinds[name] = (
                type(module),
                {
                    key: type(value)
                    for key, value in sorted(types.ModuleType.__dict__["__dict__"].__get__(module).items())
                    if not key.startswith("__")
                },
            )
    for name in (
        "gevent.hub",
        "gevent._tblib",
        "gevent.libev.corecext",
        "gevent._config",
        "gevent.monkey._errors",
        "gevent.monkey._state",
    ):
        yield name, kinds.get(name)
    found = {(name, kind) for name, (own, items) in kinds.items() for kind in (own, *items.values())}
    yield (
        "left over",
        [
            each
            for each in found
            if each[1].__name__ == "Later" or (each[1].__name__ == "module" and each[1] is not types.ModuleType)
        ],
    )
    if core is not None:
        importlib.reload(gevent._interfaces)
        yield (
            "after a reload",
            core.ILoop is gevent._interfaces.ILoop,
            [each.__name__ for each in implementedBy(type(loop))],
        )


WAYS[sys.argv[1]]()
for fact in facts():
    print(*fact)
print("ok")
