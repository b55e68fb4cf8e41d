"""The rows of drivers_table.py that are no databases: caches, queues, RPC, HTTP, names, files. See drivers_rows.py."""

from __future__ import annotations

from drivers_rows import LOOPS
from drivers_table import Row

REDIS = "import redis\nmake = lambda: redis.Redis(port=WHERE)\n"
BLPOP = "def call(c): assert c.blpop(['nothing'], timeout=0.3) is None\n"
NOTHING = "def make(): return None\n"
CELERY = """
import celery, threading, uuid
from celery.app.task import Context
app = celery.Celery(broker=BROKER, backend=BACKEND)
def make(): app.backend; return str(uuid.uuid4())
def call(number):
    result = app.AsyncResult(str(uuid.uuid4()))
    if hasattr(app.backend, "on_task_call"):
        with app.pool.acquire(block=True) as c: app.backend.on_task_call(app.amqp.Producer(c), result.id)
    request = Context(reply_to=app.thread_oid, correlation_id=result.id)
    threading.Timer(0.3, app.backend.store_result, (result.id, 42, "SUCCESS"), {"request": request}).start()
    assert result.get(timeout=10) == 42
"""
CURL = "import pycurl\nfrom io import BytesIO\ndef make():\n    c = pycurl.Curl(); c.setopt(c.WRITEFUNCTION, BytesIO().write); return c\n"
URL = "URL = f'http://127.0.0.1:{WHERE}/'\n"
ZMQ = "import zmq\ndef make():\n    s = zmq.Context.instance().socket(zmq.REQ); s.linger = 0; s.connect(f'tcp://127.0.0.1:{WHERE}'); return s\n"
GRPC = "import grpc\nCHANNEL = f'127.0.0.1:{WHERE}'\ndef make():\n    c = grpc.insecure_channel(CHANNEL, options=[('grpc.use_local_subchannel_pool', 1)]); f = c.unary_unary('/t/slow'); f(b'x'); return f\ndef call(f): assert f(b'x') == b'x'\n"
GRPC_BOTH = "import concurrent.futures, grpc, time\ndef slow(request, context): time.sleep(0.3); return request\nserver = grpc.server(concurrent.futures.ThreadPoolExecutor(40))\nserver.add_generic_rpc_handlers([grpc.method_handlers_generic_handler('t', {'slow': grpc.unary_unary_rpc_method_handler(slow)})])\nWHERE = server.add_insecure_port('127.0.0.1:0'); server.start()\n"
WATCHDOG = """
import tempfile, threading, watchdog.events, watchdog.observers
from itertools import count
numbers = count()
class Handler(watchdog.events.FileSystemEventHandler):
    def __init__(self): self.heard = threading.Event()
    def on_created(self, event): self.heard.set()
def make():
    folder, handler, observer = tempfile.mkdtemp(dir="."), Handler(), watchdog.observers.Observer()
    observer.schedule(handler, folder); observer.daemon = True; observer.start(); return folder, handler.heard
def call(it):
    folder, heard = it
    threading.Timer(0.3, open, (f"{folder}/{next(numbers)}", "w")).start()
    assert heard.wait(10); heard.clear()
"""
LDAP = "ADMIN = ('cn=admin,dc=example', 'secret')\n"


def http(name: str, dist: str, code: str, server: str = "slow_http", **more: object) -> Row:
    """A row against a server that answers late."""
    return Row(name, dist, server, URL + code, **more)  # type: ignore[arg-type]


OTHERS = [
    Row("redis, BLPOP", "redis", "redis", REDIS + BLPOP),
    Row("redis without hiredis, BLPOP", "redis", "redis", "import sys; sys.modules['hiredis'] = None\n" + REDIS + BLPOP),
    Row("redis, pub/sub", "redis", "redis", REDIS + "make_client = make\ndef make():\n    p = make_client().pubsub(); p.subscribe('c'); assert p.get_message(timeout=5); return p\ndef call(p): assert p.get_message(timeout=0.3) is None\n"),
    Row("redis, a pool of two", "redis", "redis", "import redis\nclient = redis.Redis(connection_pool=redis.BlockingConnectionPool(2, port=WHERE))\nmake = lambda: client\n" + BLPOP, best=3),
    Row("valkey, BLPOP", "valkey", "redis", "import valkey\nmake = lambda: valkey.Valkey(port=WHERE)\n" + BLPOP),
    Row("celery's results, redis", "celery", "redis", "BROKER = BACKEND = f'redis://127.0.0.1:{WHERE}/0'\n" + CELERY),
    Row("celery's results, rpc", "celery", "rabbitmq", "BROKER, BACKEND = f'amqp://guest:guest@127.0.0.1:{WHERE}//', 'rpc://'\n" + CELERY, unlike="celery itself, where it sees gevent, looks once a second"),
    Row("kombu, redis", "kombu", "redis", "import kombu, queue\ndef make():\n    c = kombu.Connection(f'redis://127.0.0.1:{WHERE}/0'); return c.SimpleQueue('q')\ndef call(q):\n    try: q.get(timeout=1)\n    except queue.Empty: return\n    raise AssertionError\n"),
    Row("kombu, amqp", "kombu", "rabbitmq", "import kombu, queue\ndef make():\n    c = kombu.Connection(f'amqp://guest:guest@127.0.0.1:{WHERE}//'); return c.SimpleQueue('q')\ndef call(q):\n    try: q.get(timeout=0.3)\n    except queue.Empty: return\n    raise AssertionError\n"),
    Row("amqp", "amqp", "rabbitmq", "import amqp\ndef make():\n    c = amqp.Connection(f'127.0.0.1:{WHERE}'); c.connect(); return c\ndef call(c):\n    try: c.drain_events(timeout=0.3)\n    except TimeoutError: return\n    raise AssertionError\n"),
    Row("pika", "pika", "rabbitmq", "import pika\nmake = lambda: pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', WHERE))\ndef call(c): c.process_data_events(time_limit=0.3)\n"),
    Row("pymemcache", "pymemcache", "slow_memcached", "import pymemcache\nmake = lambda: pymemcache.Client(('127.0.0.1', WHERE))\ndef call(c): assert c.get('nothing') is None\n"),
    Row("pylibmc", "pylibmc", "slow_memcached", "import pylibmc\ndef make():\n    c = pylibmc.Client([f'127.0.0.1:{WHERE}']); c.get('x'); return c\ndef call(c): assert c.get('nothing') is None\n", module="pylibmc"),
    Row("kafka-python", "kafka-python", "silent", NOTHING + "import kafka\ndef call(_):\n    try: kafka.KafkaProducer(bootstrap_servers=f'127.0.0.1:{WHERE}', bootstrap_timeout_ms=300)\n    except kafka.errors.KafkaError: return\n    raise AssertionError\n"),
    Row("confluent-kafka, poll()", "confluent-kafka", "", "from confluent_kafka import Consumer\nmake = lambda: Consumer({'test.mock.num.brokers': 1, 'bootstrap.servers': '', 'group.id': 'g', 'log_level': 0})\ndef call(c): assert c.poll(0.3) is None\n", module="confluent_kafka", said="librdkafka's mock broker"),
    Row("confluent-kafka, flush()", "confluent-kafka", "silent", "from confluent_kafka import Producer\nmake = lambda: Producer({'bootstrap.servers': f'127.0.0.1:{WHERE}', 'log_level': 0})\ndef call(p): p.produce('t', b'x'); assert p.flush(0.3)\n", module="confluent_kafka"),
    Row("confluent-kafka, list_topics()", "confluent-kafka", "silent", "from confluent_kafka import Producer, KafkaException\nmake = lambda: Producer({'bootstrap.servers': f'127.0.0.1:{WHERE}', 'log_level': 0})\ndef call(p):\n    try: p.list_topics(timeout=0.3)\n    except KafkaException: return\n    raise AssertionError\n", module="confluent_kafka"),
    Row("pulsar-client", "pulsar-client", "silent", NOTHING + "import pulsar\nquiet = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)\ndef call(_):\n    try: pulsar.Client(f'pulsar://127.0.0.1:{WHERE}', operation_timeout_seconds=1, connection_timeout_ms=300, logger=quiet).create_producer('t')\n    except pulsar.PulsarException: return\n    raise AssertionError\n", module="pulsar"),
    Row("pulsar-client, with in_threadpool", "pulsar-client", "silent", NOTHING + "import pulsar\nquiet = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)\ndef call(_):\n    try: pulsar.Client(f'pulsar://127.0.0.1:{WHERE}', operation_timeout_seconds=1, connection_timeout_ms=300, logger=quiet).create_producer('t')\n    except pulsar.PulsarException: return\n    raise AssertionError\n", spec="all,in_threadpool=pulsar:Client.create_producer"),
    Row("paho-mqtt", "paho-mqtt", "silent", NOTHING + "import paho.mqtt.client as m\ndef call(_):\n    c = m.Client(m.CallbackAPIVersion.VERSION2); c.connect_timeout = 0.3\n    try: c.connect('127.0.0.1', WHERE)\n    except TimeoutError: return\n    raise AssertionError\n"),
    Row("grpc", "grpcio", "slow_grpc", GRPC, module="grpc"),
    Row("grpc, channel_ready_future()", "grpcio", "slow_grpc", GRPC.replace("f(b'x'); return f", "grpc.channel_ready_future(c).result(10); return f"), module="grpc"),
    Row("grpc, server and clients in one process", "grpcio", "", GRPC_BOTH + GRPC, module="grpc"),
    Row("grpc.aio, a loop in each thread", "grpcio", "slow_grpc", LOOPS + "import grpc.aio\nasync def one():\n    async with grpc.aio.insecure_channel(f'127.0.0.1:{WHERE}') as c: assert await c.unary_unary('/t/slow')(b'x') == b'x'\n", module="grpc.aio"),
    Row("pyarrow.flight", "pyarrow", "slow_flight", "import pyarrow.flight as f\nmake = lambda: f.connect(f'grpc://127.0.0.1:{WHERE}')\ndef call(c): list(c.list_actions())\n", module="pyarrow.flight"),
    Row("pyzmq, REQ", "pyzmq", "slow_zmq", ZMQ + "def call(s): s.send(b'x'); assert s.recv() == b'x'\n", module="zmq"),
    Row("pyzmq, Poller", "pyzmq", "slow_zmq", ZMQ + "def call(s):\n    p = zmq.Poller(); p.register(s, zmq.POLLIN); s.send(b'x'); assert p.poll(9000); s.recv()\n", module="zmq"),
    Row("pynng", "pynng", "slow_nng", "import pynng\nmake = lambda: pynng.Req0(dial=f'tcp://127.0.0.1:{WHERE}', block_on_dial=True)\ndef call(s): s.send(b'x'); assert s.recv() == b'x'\n", module="pynng"),
    http("requests", "requests", "import requests\nmake = requests.Session\ndef call(s): assert s.get(URL).ok\n"),
    http("requests, TLS", "requests", "import requests, urllib3; urllib3.disable_warnings()\nURL = URL.replace('http:', 'https:')\ndef make(): s = requests.Session(); call(s); return s\ndef call(s): assert s.get(URL, verify=False).ok\n", "slow_https"),
    http("urllib3, a pool of two", "urllib3", "import urllib3\nPOOL = urllib3.PoolManager(maxsize=2, block=True)\nmake = lambda: POOL\ndef call(p): assert p.request('GET', URL).status == 200\n", best=3),
    http("httpx", "httpx", "import httpx\nmake = httpx.Client\ndef call(c): assert c.get(URL).status_code == 200\n"),
    http("httpx, asyncio, a loop in each thread", "httpx", LOOPS + "import httpx\nasync def one():\n    async with httpx.AsyncClient(verify=False) as c: assert (await c.get(URL)).status_code == 200\n"),
    http("aiohttp, a loop in each thread", "aiohttp", LOOPS + "import aiohttp\nasync def one():\n    async with aiohttp.ClientSession() as s, s.get(URL) as r: assert r.status == 200\n"),
    http("niquests", "niquests", "import niquests\nmake = niquests.Session\ndef call(s): assert s.get(URL).ok\n"),
    http("pycurl", "pycurl", CURL + "def call(c): c.setopt(c.URL, URL); c.perform()\n", module="pycurl"),
    http("pycurl, TLS", "pycurl", CURL + "URL = URL.replace('http:', 'https:')\ndef call(c): c.setopt(c.URL, URL); c.setopt(c.SSL_VERIFYPEER, 0); c.setopt(c.SSL_VERIFYHOST, 0); c.perform()\n", "slow_https", module="pycurl"),
    http("curl_cffi", "curl_cffi", "import curl_cffi.requests as r\nmake = r.Session\ndef call(s): assert s.get(URL).ok\n", module="curl_cffi"),
    http("curl_cffi, a stream", "curl_cffi", "import curl_cffi.requests as r\nmake = r.Session\ndef call(s): assert b''.join(s.get(URL, stream=True).iter_content()) == b'{}'\n", module="curl_cffi"),
    http("primp", "primp", "import primp\nmake = primp.Client\ndef call(c): assert c.get(URL).status_code == 200\n", module="primp"),
    http("primp, with in_threadpool", "primp", "import primp\nmake = primp.Client\ndef call(c): assert c.get(URL).status_code == 200\n", spec="all,in_threadpool=primp:Client.get"),
    http("tornado's HTTPClient in each thread", "tornado", "from tornado.httpclient import HTTPClient\nmake = lambda: None\ndef call(_):\n    c = HTTPClient(); assert c.fetch(URL).code == 200; c.close()\n"),
    http("boto3, get_object()", "boto3", "import boto3\nfrom botocore.config import Config\nmake = lambda: boto3.session.Session('a', 'b', region_name='us-east-1').client('s3', endpoint_url=URL, config=Config(retries={'max_attempts': 0}))\ndef call(c): assert c.get_object(Bucket='b', Key='k')['Body'].read() == b'{}'\n"),
    http("elasticsearch", "elasticsearch", "import elasticsearch\nmake = lambda: elasticsearch.Elasticsearch(URL)\ndef call(c): assert c.perform_request('GET', '/').body == {}\n"),
    Row("websocket-client", "websocket-client", "slow_websocket", "import websocket\nmake = lambda: websocket.create_connection(f'ws://127.0.0.1:{WHERE}')\ndef call(w): w.send('x'); assert w.recv() == 'x'\n"),
    Row("websockets.sync", "websockets", "slow_websocket", "from websockets.sync.client import connect\nmake = lambda: connect(f'ws://127.0.0.1:{WHERE}')\ndef call(w): w.send('x'); assert w.recv() == 'x'\n"),
    Row("python-socketio", "python-socketio", "slow_socketio", "import socketio\ndef make(): c = socketio.SimpleClient(); c.connect(f'http://127.0.0.1:{WHERE}', transports=['polling']); return c\ndef call(c): assert c.call('slow', 'x') == 'x'\n"),
    Row("ldap3", "ldap3", "slow_ldap", LDAP + "import ldap3\nmake = lambda: ldap3.Connection(ldap3.Server(f'ldap://127.0.0.1:{WHERE}', get_info=None), *ADMIN, auto_bind=True)\ndef call(c): c.search('dc=example', '(cn=*)')\n"),
    Row("python-ldap", "python-ldap", "slow_ldap", LDAP + "import ldap\ndef make(): c = ldap.initialize(f'ldap://127.0.0.1:{WHERE}'); c.simple_bind_s(*ADMIN); return c\ndef call(c):\n    try: c.search_s('dc=example', ldap.SCOPE_SUBTREE)\n    except ldap.NO_SUCH_OBJECT: return\n    raise AssertionError\n", module="ldap"),
    Row("dnspython", "dnspython", "silent_udp", NOTHING + "import dns.message, dns.query\ndef call(_):\n    try: dns.query.udp(dns.message.make_query('a.example', 'A'), '127.0.0.1', port=WHERE, timeout=0.3)\n    except dns.exception.Timeout: return\n    raise AssertionError\n"),
    Row("paramiko", "paramiko", "hangs_up", NOTHING + "import paramiko\ndef call(_):\n    c = paramiko.SSHClient()\n    try: c.connect('127.0.0.1', WHERE, username='a', password='b')\n    except (paramiko.SSHException, EOFError, OSError): return\n    raise AssertionError\n"),
    Row("watchdog", "watchdog", "", WATCHDOG),
]  # fmt: skip
