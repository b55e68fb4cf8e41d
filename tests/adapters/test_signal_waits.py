"""sigwait and its relatives let the others run, and take signals as natively: blocked or not, and each once."""

from __future__ import annotations

import pytest
from adapters.test_signal_main import HEAD, both
from conftest import run_code

TICKS = """
ticks, due = [], []
def tick():
    while True:
        ticks.append(1); time.sleep(0.01)
        if due and len(ticks) > due[0][0]: later(0, due.pop()[1])
worker(tick)
def lively(number, wait):
    "What *wait* gives; the signal that it waits for is sent when the others have run meanwhile."
    due.append((len(ticks) + 5, number)); print(wait())
"""


@pytest.mark.parametrize("block", [True, False], ids=["blocked", "not blocked"])
def test_a_signal_that_is_waited_for_is_taken_whether_it_is_blocked_or_not(block: bool) -> None:
    """Its handler does not run, and the mask is what it was. (Natively one that is not may go to another thread.)"""
    both(
        f"""
wanted = {{signal.SIGUSR1, signal.SIGTERM}}
for number in wanted: signal.signal(number, lambda *a: print("the handler runs"))
if {block}: signal.pthread_sigmask(signal.SIG_BLOCK, wanted)  # first of all, for all threads
"""
        + (TICKS if block else "lively = lambda number, wait: (later(0.5, number), print(wait()))")
        + f"""
lively(signal.SIGUSR1, lambda: signal.sigwait(wanted))
lively(signal.SIGTERM, lambda: signal.sigwaitinfo(wanted).si_signo)
lively(signal.SIGUSR1, lambda: signal.sigtimedwait(wanted, 20).si_signo)
print(signal.sigtimedwait(wanted, 0.3))
print(signal.sigtimedwait(wanted, 0), signal.pthread_sigmask(signal.SIG_BLOCK, []) == (wanted if {block} else set()))
"""
    )


def test_a_signal_without_a_handler_ends_the_program_that_waits_for_it_unblocked() -> None:
    both("later(0.3, signal.SIGTERM); print('waits', flush=True); signal.sigwait([signal.SIGTERM]); print('taken')")


def test_two_may_wait_for_different_signals() -> None:
    """What one of them blocks stays blocked until both have got theirs."""
    both("""
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2])
got = []
threads = [worker(lambda n=n: got.append(signal.sigwait([n]))) for n in (signal.SIGUSR1, signal.SIGUSR2)]
later(0.2, signal.SIGUSR2)
while not got: time.sleep(0.01)
later(0.1, signal.SIGUSR1)
for thread in threads: thread.join()
print(got)
""")


def test_pause_ends_with_the_next_handler_that_has_run() -> None:
    both(
        TICKS
        + """
seen = []
signal.signal(signal.SIGUSR1, lambda *a: (time.sleep(0.1), seen.append(1)))
later(0.5, signal.SIGUSR1)
before = len(ticks); print(signal.pause(), len(ticks) > before); print(seen)
def late(*a): raise KeyError("late")
signal.signal(signal.SIGUSR1, late)
try: later(0.5, signal.SIGUSR1); signal.pause()
except KeyError as error: print(error)
"""
    )


def test_wrong_arguments_are_errors_as_ever() -> None:
    both("""
for call in (lambda: signal.sigwait(5), lambda: signal.sigwait([4000]), lambda: signal.sigwaitinfo(["x"]),
             lambda: signal.sigtimedwait([1], -1), lambda: signal.sigtimedwait([1], "x"), lambda: signal.pause(1)):
    try: print("no error", call())
    except (TypeError, ValueError, OSError) as error: print(type(error).__name__)
""")


def test_ctrl_c_and_a_timeout_of_gevents_end_a_wait() -> None:
    """Also of sigwait(), which goes on natively."""
    both("""
try: later(0.3, signal.SIGINT); signal.sigwaitinfo([signal.SIGUSR1])
except KeyboardInterrupt: print("ended", signal.pthread_sigmask(signal.SIG_BLOCK, []))
""")
    code = """
import gevent
with gevent.Timeout(0.1, False): signal.sigwait([signal.SIGUSR1])
print("ended", signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    assert run_code(HEAD + code, spec="all") == "ended set()\n"


def test_without_signal_main_the_others_are_cooperative_and_pause_is_native() -> None:
    code = "signal.signal(signal.SIGUSR1, lambda *a: None); later(0.5, signal.SIGUSR1); print(signal.pause())\n"
    code += "lively(signal.SIGUSR1, lambda: int(signal.sigwait([signal.SIGUSR1])) == signal.SIGUSR1)"
    assert run_code(HEAD + TICKS + code, spec="all,-signal-main") == "None\nTrue\n"
