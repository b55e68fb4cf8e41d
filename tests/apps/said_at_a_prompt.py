"""What a test has the interpreter's prompt execute: a thread that says so when it has run for a while."""

import threading
import time


def others() -> None:
    for _ in range(20):
        time.sleep(0.01)
    print("the others", "ran", flush=True)


threading.Thread(target=others).start()
