"""What multiprocessing has, by one start method: ``uses_multiprocessing.py METHOD`` prints what each part gives."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import queue
import socket
import sys
import threading
from multiprocessing.connection import Client, Listener, wait
from multiprocessing.shared_memory import SharedMemory
from typing import Any

SIZE = 3_000_000  # more than a pipe takes


def put(target: Any, value: Any) -> None:
    target.put(value)


def send(connection: Any, value: Any) -> None:
    connection.send(value)
    connection.close()


def send_size(connection: Any) -> None:
    connection.send(len(connection.recv_bytes()))


def square(number: int) -> int:
    return number * number


def work(tasks: Any, results: Any) -> None:
    for task in iter(tasks.get, None):
        results.put(square(task))
        tasks.task_done()
    tasks.task_done()


def call(address: Any) -> None:
    with Client(address, authkey=b"key") as connection:
        connection.send("question")
        assert connection.recv() == "answer"


def hold(lock: Any, connection: Any) -> None:
    with lock:
        connection.send("held")
        connection.recv()


def notify(condition: Any) -> None:
    with condition:
        condition.notify()


def release(semaphore: Any) -> None:
    semaphore.release()


def set_(event: Any) -> None:
    event.set()


def meet(barrier: Any) -> None:
    barrier.wait()


def count(value: Any, times: int) -> None:
    for _ in range(times):
        with value.get_lock():
            value.value += 1


def fill(name: str) -> None:
    memory = SharedMemory(name)
    memory.buf[:3] = b"abc"
    memory.close()


def use(sock: Any) -> None:
    sock.sendall(b"hello")


def wait_for_ever(connection: Any) -> None:
    connection.send("waits")
    threading.Event().wait()


class Program:
    def __init__(self, method: str) -> None:
        self.context: Any = multiprocessing.get_context(method)

    def start(self, target: Any, *args: Any) -> Any:
        process = self.context.Process(target=target, args=args)
        process.start()
        return process

    def after(self, result: Any, *processes: Any) -> Any:
        for process in processes:
            process.join()
        return result, [process.exitcode for process in processes]

    def pool(self) -> Any:
        with self.context.Pool(2) as pool:
            got = pool.map(square, range(9)), pool.apply(square, (3,)), sorted(pool.imap_unordered(square, range(3)))
            try:
                pool.apply(square, ("x",))
            except TypeError as error:
                return got, type(error)

    def pool_that_is_closed(self) -> Any:
        pool = self.context.Pool(2)
        got = pool.map_async(square, range(9))
        pool.close()
        pool.join()
        return got.get()

    def queues(self) -> Any:
        first, second = self.context.Queue(), self.context.SimpleQueue()
        processes = [self.start(put, first, 1), self.start(put, second, 2)]
        got = [first.get(), second.get()]
        for wait_ in {"block": False}, {"timeout": 0.01}:
            try:
                first.get(**wait_)
            except queue.Empty:
                got.append("empty")
        return self.after(got, *processes)

    def joinable_queue(self) -> Any:
        tasks, results = self.context.JoinableQueue(), self.context.Queue()
        worker = self.start(work, tasks, results)
        for task in 1, 2, 3, None:
            tasks.put(task)
        tasks.join()
        return self.after([results.get() for _ in range(3)], worker)

    def pipes(self) -> Any:
        got, processes = [], []
        for duplex in True, False:
            here, there = self.context.Pipe(duplex)
            processes.append(self.start(send, there, "x"))
            there.close()
            got.append(here.recv())
            try:
                here.recv()
            except EOFError:
                got.append("end")
        here, there = self.context.Pipe()
        processes.append(self.start(send_size, there))
        here.send_bytes(bytes(SIZE))
        return self.after([*got, here.recv()], *processes)

    def wait(self) -> Any:
        here, there = self.context.Pipe()
        process = self.start(send, there, "x")
        got = wait([here]) == [here], wait([process.sentinel]) == [process.sentinel], wait([there], 0), here.recv()
        return self.after(got, process)

    def listener(self) -> Any:
        with Listener(authkey=b"key") as listener:
            process = self.start(call, listener.address)
            with listener.accept() as connection:
                got = connection.recv()
                connection.send("answer")
        return self.after(got, process)

    def locks(self) -> Any:
        got, processes = [], []
        for lock in self.context.Lock(), self.context.RLock(), self.context.BoundedSemaphore(1):
            here, there = self.context.Pipe()
            processes.append(self.start(hold, lock, there))
            here.recv()
            got += [lock.acquire(False), lock.acquire(timeout=0.01), repr(lock)]
            threading.Timer(0.05, here.send, ["let go"]).start()  # a thread of this process has to run meanwhile
            got += [lock.acquire(), repr(lock), lock.release()]
        return self.after(got, *processes)

    def what_others_wait_for(self) -> Any:
        semaphore, event = self.context.Semaphore(0), self.context.Event()
        condition, barrier = self.context.Condition(), self.context.Barrier(2)
        got = [event.wait(0.01), semaphore.acquire(timeout=0.01)]
        processes = [self.start(release, semaphore), self.start(set_, event), self.start(meet, barrier)]
        got += [semaphore.acquire(), event.wait(), barrier.wait() in (0, 1), semaphore.get_value()]
        with condition:
            processes.append(self.start(notify, condition))
            got += [condition.wait(), condition.wait(0.01)]
        return self.after(got, *processes)

    def values(self) -> Any:
        value, array = self.context.Value("i", 0), self.context.Array("i", 3)
        processes = [self.start(count, value, 500) for _ in range(2)]
        count(value, 500)
        self.after(None, *processes)
        memory = SharedMemory(create=True, size=16)
        processes.append(self.start(fill, memory.name))
        self.after(None, *processes)
        got = value.value, list(array), bytes(memory.buf[:3])
        memory.close()
        memory.unlink()
        return self.after(got, *processes)

    def manager(self) -> Any:
        with self.context.Manager() as manager:
            there, numbers, lock = manager.Queue(), manager.dict(a=1), manager.Lock()
            process = self.start(put, there, 5)
            numbers["b"] = there.get()
            with lock:
                got = lock.acquire(False), dict(numbers)
            return self.after(got, process)

    def executor(self) -> Any:
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=self.context) as executor:
            return list(executor.map(square, range(9)))

    def socket(self) -> Any:
        here, there = socket.socketpair()
        process = self.start(use, there)
        there.close()
        with here:
            return self.after(here.recv(5), process)

    def terminate(self) -> Any:
        here, there = self.context.Pipe()
        process = self.start(wait_for_ever, there)
        got = here.recv()
        process.terminate()
        return self.after(got, process)


if __name__ == "__main__":
    program = Program(sys.argv[1])
    for part, use_ in vars(Program).items():
        if part not in ("start", "after") and not part.startswith("__"):
            print(part, use_(program), flush=True)
    print("ok")
