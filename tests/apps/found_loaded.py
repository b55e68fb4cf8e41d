"""Whoever imports a target first loads gevent, which loads that target: then importlib finds it loaded.

Other threads use it by then, so it must stay in ``sys.modules``, complete, while that import ends. Every call and
return, in Python or in C, is a place where another thread may come in.
"""

import sys

assert not {"gevent", "threading"} & set(sys.modules)
seen, steps_of_importlib = [], []


def look(frame, event, arg):
    module = sys.modules.get("threading")
    state = None if module is None else (module.__spec__.name, getattr(module.__spec__, "_initializing", False))
    cooperative = getattr(module, "Lock", look).__module__ == "gevent.thread"
    if seen or (cooperative and not state[1]):
        seen.append(state)
        if event == "c_return" and frame.f_code.co_name == "_load_unlocked":
            steps_of_importlib.append(frame.f_locals["spec"].name)


sys.setprofile(look)
import threading

sys.setprofile(None)
assert set(seen) == {("threading", False)}, set(seen)
assert any("threading" in name for name in steps_of_importlib), steps_of_importlib
assert threading is sys.modules["threading"]
assert not [name for name in sys.modules if "another import" in name]
print("ok")
