"""confluent-kafka lets the others run while it waits, against librdkafka's own mock broker, which is in the process."""

from __future__ import annotations

import textwrap

import pytest
from adapters_servers import ALL_OF
from conftest import run_python

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed here")

PRELUDE = (
    """
import sys, threading, time
from confluent_kafka import Consumer, Producer, DeserializingConsumer, SerializingProducer, KafkaError, TopicPartition
"""
    + ALL_OF
    + """
def at_once(call, n=6):
    return all_of([call] * n)
QUIET = {"log_level": 0}
broker = Producer({"test.mock.num.brokers": 1, **QUIET})
def servers():
    (one,) = broker.list_topics(timeout=20).brokers.values()
    return {"bootstrap.servers": f"{one.host}:{one.port}", **QUIET}
def consumer(kind=Consumer, **more):
    c = kind({**servers(), "group.id": "g", "auto.offset.reset": "earliest", **more}); return c
"""
)

CHECKS = {
    "consumers wait together": """
        made = [consumer(**{"group.id": str(n)}) for n in range(8)]; left = list(made)
        assert at_once(lambda: left.pop().poll(0.1), 8)[0] == [None] * 8
        left = list(made); assert at_once(lambda: left.pop().consume(5, 0.1), 8)[0] == [[]] * 8
        p = Producer(servers()); p.produce("x", "1"); assert p.flush(50) == 0
        [c.assign([TopicPartition("x", n, 0) for n in range(len(p.list_topics("x", 50).topics["x"].partitions))]) for c in made]
        assert [c.poll(50).value() for c in made] == [b"1"] * 8
        def sends(value): p.produce("x", value); return p.flush(50)
        for wait in (lambda c: c.poll(50), lambda c: c.consume(1, 50)[0]):  # what they wait for is sent by one who comes later
            found = all_of([*(lambda c=c: wait(c).value() for c in made), lambda: sends("2")])[0]
            found.remove(0); assert found == [b"2"] * 8, found
        [c.close() for c in made]
    """,
    "messages, callbacks, commits": """
        told, thread = [], threading.get_ident()
        p = Producer(servers())
        for n in range(50): p.produce("t", str(n), callback=lambda error, m: told.append((error, threading.get_ident())))
        assert p.flush(20) == 0 and told == [(None, thread)] * 50
        c = consumer(); assigned = []
        c.subscribe(["t"], on_assign=lambda c, parts: assigned.append(threading.get_ident()))
        got = []
        while len(got) < 20:
            m = c.poll(20); assert m is not None and not m.error(), m; got.append(m.value())
        while len(got) < 50: got += [m.value() for m in c.consume(100, 0.3)]
        assert sorted(map(int, got)) == list(range(50)) and set(assigned) == {thread}
        done = c.commit(asynchronous=False); assert done and not done[0].error
        assert c.committed([TopicPartition("t", done[0].partition)], timeout=20)[0].offset == done[0].offset
        assert "t" in c.list_topics(timeout=20).topics and c.get_watermark_offsets(TopicPartition("t", 0), timeout=20)[0] == 0
        c.close()
        try: c.poll(0)
        except RuntimeError: pass
        else: raise AssertionError
    """,
    "a consumer and a producer in two threads": """
        c = consumer(); p = Producer(servers())
        def send():
            for n in range(5): p.produce("u", str(n)); p.poll(0); time.sleep(0.01)
            p.flush(20); return "sent"
        def receive(): return [c.poll(30).value() for _ in range(5)]
        calls = [send, receive]; p.produce("u", "first"); p.flush(20); c.subscribe(["u"]); assert c.poll(30).value() == b"first"
        assert "sent" in at_once(lambda: calls.pop()(), 2)[0]; c.close()
    """,
    "the classes that serialize": """
        p = SerializingProducer({**servers(), "value.serializer": lambda v, ctx: v.encode()})
        p.produce("v", value="text"); assert p.flush(20) == 0
        c = consumer(DeserializingConsumer, **{"value.deserializer": lambda v, ctx: v.decode()}); c.subscribe(["v"])
        assert c.poll(20).value() == "text" and isinstance(c, Consumer) and isinstance(p, Producer); c.close()
    """,
    "no broker": """
        p = Producer({"bootstrap.servers": "127.0.0.1:1", **QUIET}); p.produce("t", "x")
        left = at_once(lambda: p.flush(0.1))[0]
        assert len(left) == 6 and all(left), left  # librdkafka counts what it has to say of the broker, too: 1 or 2
        assert all_of([lambda: p.flush(50)] * 6 + [p.purge])[0].count(0) == 6
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None) -> None:
    done = run_python("-c", PRELUDE + textwrap.dedent(check), spec=spec)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_who_is_ended_loses_no_message_and_it_is_told() -> None:
    code = """
import gevent, lazypatch
p = Producer(servers()); p.produce("w", "x"); p.flush(20)
c = consumer(); c.subscribe(["w"]); assert c.poll(30).value() == b"x"
killed = gevent.spawn(c.poll); gevent.sleep(0.05); killed.kill()
p.produce("w", "y"); p.flush(20)
assert c.poll(30).value() == b"y"; c.close()
assert lazypatch.state("confluent-kafka") == "installed" and "confluent_kafka switched" in " ".join(str(lazypatch.report()).split())
"""
    done = run_python("-c", PRELUDE + code, spec="all")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
