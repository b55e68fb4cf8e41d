"""The rows of stacks.py that are whole programs and end: ansible, scrapy, locust, sphinx, uv, dmypy, pre-commit."""

from __future__ import annotations

from stacks import Tool

# A web site of twenty pages, each of which takes 0.2 s, and a program that is run against it.
SITE = """
import collections, http.server, os, subprocess, sys, threading, time
counted = collections.Counter()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(0.2)
        counted[self.path] += 1
        text = "".join(f"<a href='/page{n}'>{n}</a>" for n in range(20)) if self.path == "/" else f"<h1>{self.path}</h1>"
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("Content-Type", "text/html"); self.send_header("Content-Length", str(len(text))); self.end_headers(); self.wfile.write(text.encode())
    def log_message(self, *args): pass
class Server(http.server.ThreadingHTTPServer): request_queue_size = 100; daemon_threads = True; handle_error = lambda *args: None
server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["SITE"] = f"http://127.0.0.1:{server.server_port}"
begin = time.monotonic()
done = subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True, timeout=50)
took = time.monotonic() - begin
import shown
shown.show(done, counted, took)
print(*(line for line in (done.stdout + done.stderr).splitlines() if "LazyPatch" in line or "LoopExit" in line or line.startswith("lazypatch:")))
"""
SCRAPY = {
    "site_.py": SITE,
    "spider.py": "import os, scrapy\nclass Spider(scrapy.Spider):\n    name = 'x'\n    start_urls = [os.environ['SITE']]\n"
    "    custom_settings = {'CONCURRENT_REQUESTS': 16, 'CONCURRENT_REQUESTS_PER_DOMAIN': 16, 'DOWNLOAD_DELAY': 0, 'LOG_LEVEL': 'WARNING', 'TELNETCONSOLE_ENABLED': False}\n"
    "    def parse(self, response):\n        for a in response.css('a::attr(href)'): yield response.follow(a, self.page)\n"
    "    def page(self, response): yield {'title': response.css('h1::text').get()}\n",
    "shown.py": "import json\ndef show(done, counted, took):\n    print(done.returncode, done.stdout, done.stderr.count('Traceback'))\n"
    "    print(sorted(one['title'] for one in json.load(open('out.json'))), len(counted))\n",
}
LOCUST = {
    "site_.py": SITE,
    "locustfile.py": "import os\nfrom locust import HttpUser, between, task\nclass User(HttpUser):\n    host = os.environ['SITE']\n    wait_time = between(0.01, 0.02)\n"
    "    @task\n    def page(self): self.client.get('/page1')\n",
    "shown.py": "import os\ndef show(done, counted, took):\n    print(done.returncode, done.stderr.count('Traceback'), 'failures', [line.split()[3] for line in done.stdout.splitlines() if 'Aggregated' in line][:1])\n"
    "    print('hundred and more', counted['/page1'] > 100)\n",
}
ANSIBLE = {
    "hosts": "[all]\n"
    + "".join(
        f"h{n} ansible_connection=local ansible_python_interpreter='{{{{ ansible_playbook_python }}}}'\n"
        for n in range(4)
    ),
    "play.yml": """
- hosts: all
  gather_facts: false
  vars: {ansible_async_dir: "{{ playbook_dir }}/async"}
  tasks:
    - name: ask
      command: echo {{ inventory_hostname }}
      register: said
    - name: several
      shell: sleep 0.3; echo {{ item }} >> out-{{ inventory_hostname }}
      loop: [1, 2, 3]
    - name: asynchronous
      command: sleep 0.5
      async: 20
      poll: 1
    - name: template
      copy: {content: "{{ said.stdout }}", dest: "{{ playbook_dir }}/file-{{ inventory_hostname }}"}
      notify: told
    - name: fails
      command: "false"
      ignore_errors: true
    - name: wait for a port
      wait_for: {port: 1, state: stopped, timeout: 5}
  handlers:
    - name: told
      debug: {msg: "{{ said.stdout }}"}
""",
}
_HOME = {
    "ANSIBLE_HOME": "ansible",
    "ANSIBLE_LOCALHOST_WARNING": "False",
    "ANSIBLE_DEPRECATION_WARNINGS": "False",
    "LC_ALL": "C.UTF-8",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_INTERPRETER_PYTHON": "auto_silent",
}
SPHINX = {
    "conf.py": "project = 'x'\nextensions = ['sphinx.ext.autodoc', 'sphinx.ext.linkcode']\nlinkcode_resolve = lambda d, i: None\nimport sys; sys.path.insert(0, '.')\n",
    "mod.py": "'''A module.'''\nimport socket, threading\ndef f(a: socket.socket, b: threading.Thread) -> int:\n    '''A function.'''\nclass C(threading.Thread):\n    '''A class.'''\n    def g(self): '''A method.'''\n",
    "index.rst": "x\n=\n\n.. toctree::\n\n"
    + "".join(f"   p{n}\n" for n in range(8))
    + "\n.. automodule:: mod\n   :members:\n   :show-inheritance:\n",
    **{f"p{n}.rst": f"p{n}\n==\n\ntext :doc:`p{(n + 1) % 8}`\n" for n in range(8)},
}
DMYPY = {
    "drive.py": "import os, subprocess, sys, pathlib\ndef dmypy(*words):\n    d = subprocess.run([sys.executable, '-m', 'mypy.dmypy', *words], capture_output=True, text=True, timeout=50)\n"
    "    print(words, d.returncode, d.stdout.replace(os.getcwd(), ''), d.stderr, flush=True)\n"
    "dmypy('start'); dmypy('status'); dmypy('check', 'a.py')\npathlib.Path('a.py').write_text('x: int = 1\\n'); dmypy('check', 'a.py'); dmypy('run', '--', 'a.py', 'b.py'); dmypy('suggest', 'b.f'); dmypy('stop'); dmypy('status')\n",
    "a.py": "x: int = ''\n",
    "b.py": "import a\ndef f(y): return y + a.x\nf(1)\n",
}
PRE_COMMIT = {
    "drive.py": "import subprocess, sys\ndef run(*words):\n    d = subprocess.run(words, capture_output=True, text=True, timeout=100)\n    print(words[-2:], d.returncode, d.stdout, d.stderr, flush=True)\n"
    "run('git', 'init', '-q', '.'); run('git', 'add', '-A')\n"
    "run(sys.executable, '-m', 'pre_commit', 'run', '--all-files'); run(sys.executable, '-m', 'pre_commit', 'install'); \n"
    "run('git', '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-q', '-m', 'x'); run('git', 'status', '--short')\n",
    ".pre-commit-config.yaml": """
repos:
- repo: local
  hooks:
    - {id: words, name: words, entry: python words.py, language: system, types: [python]}
    - {id: threads, name: threads, entry: python threads.py, language: system, pass_filenames: false}
    - {id: pygrep, name: pygrep, entry: never-there, language: pygrep, types: [text], files: a.py}
    - {id: own, name: own, entry: python -c "import sys; print(sys.prefix != sys.base_prefix); sys.exit(1)", language: python, pass_filenames: false, verbose: true, stages: [manual]}
    - {id: fails, name: fails, entry: never again, language: fail, files: never}
""",
    "words.py": "import sys; print(len(sys.argv[1:]) > 0)\n",
    "threads.py": "import threading, time\nts = [threading.Thread(target=time.sleep, args=(.2,)) for _ in range(5)]\n[t.start() for t in ts]; [t.join() for t in ts]\n",
    **{f"many{n}.py": "" for n in range(40)},
    "a.py": "x = 1\n",
}
UV = {
    "app.py": "# /// script\n# requires-python = '>=3.10'\n# dependencies = []\n# ///\nimport threading, time, sys, subprocess\nts = [threading.Thread(target=time.sleep, args=(.2,)) for _ in range(5)]\nb = time.monotonic()\n[t.start() for t in ts]; [t.join() for t in ts]; print(time.monotonic() - b < .7)\n"
    "print(subprocess.run([sys.executable, '-c', 'print(6*7)'], capture_output=True, text=True).stdout)\nsys.exit(3)\n",
}

PROGRAMS = [
    Tool("scrapy", "scrapy", ["site_.py", "-m", "scrapy", "runspider", "spider.py", "-O", "out.json"], SCRAPY),
    Tool("scrapy, select reactor", "scrapy", ["site_.py", "-m", "scrapy", "runspider", "spider.py", "-O", "out.json", "-s", "TWISTED_REACTOR=twisted.internet.selectreactor.SelectReactor"], SCRAPY),
    Tool("locust --headless", "locust", ["site_.py", "-m", "locust", "--headless", "-u", "20", "-r", "20", "-t", "4s", "--only-summary", "-f", "locustfile.py"], LOCUST),
    Tool("locust --headless --processes 2", "locust", ["site_.py", "-m", "locust", "--headless", "-u", "20", "-r", "20", "-t", "4s", "--processes", "2", "--only-summary", "-f", "locustfile.py"], LOCUST),
    Tool("ansible -m ping", "ansible-core", ["bin/ansible", "localhost", "-m", "ping", "-o"], env=_HOME),
    Tool("ansible -m setup", "ansible-core", ["bin/ansible", "localhost", "-m", "setup", "-a", "filter=ansible_python_version"], env=_HOME),
    Tool("ansible-playbook, 4 hosts", "ansible-core", ["bin/ansible-playbook", "-i", "hosts", "play.yml"], ANSIBLE, env=_HOME, unordered=True),
    Tool("ansible-playbook, strategy free", "ansible-core", ["bin/ansible-playbook", "-i", "hosts", "play.yml"], ANSIBLE, env={**_HOME, "ANSIBLE_STRATEGY": "free"}, only="ok=|rror|fatal", unordered=True),
    Tool("sphinx-build", "sphinx", ["-m", "sphinx", "-b", "html", ".", "out"], SPHINX, only="succeeded|WARNING|rror"),
    Tool("sphinx-build -j 2", "sphinx", ["-m", "sphinx", "-j", "2", "-b", "html", ".", "out"], SPHINX, only="succeeded|WARNING|rror"),
    Tool("dmypy", "mypy", ["drive.py"], DMYPY),
    Tool("pre-commit", "pre-commit", ["drive.py"], PRE_COMMIT),
    Tool("uv run", "uv", ["bin/uv", "run", "--offline", "--no-python-downloads", "app.py"], UV, only="True|False|42|rror"),
    Tool("uv venv and uv pip install", "uv", ["-c", "import subprocess\nfor w in (['venv', 'e'], ['pip', 'install', '--python', 'e/bin/python', './proj'], ['run', '--no-project', '--python', 'e/bin/python', 'python', '-c', 'import tiny; print(tiny.answer())']):\n    d = subprocess.run(['uv', *w], capture_output=True, text=True); print(d.returncode, d.stdout)\n"], {"proj/pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "tiny"\nversion = "1.0"\n', "proj/tiny.py": "def answer():\n    return 42\n"}),
    Tool("py-spy record", "py-spy", ["bin/py-spy", "record", "-d", "2", "-f", "raw", "-o", "out", "--", "python", "app.py"], {"app.py": "import threading, time\ndef work():\n    for _ in range(15): time.sleep(.05); sum(range(10000))\nts = [threading.Thread(target=work) for _ in range(3)]\n[t.start() for t in ts]; [t.join() for t in ts]; print('end')\n"}, only="end|Wrote|rror"),
    Tool("pyinstrument, a program with threads and asyncio", "pyinstrument", ["-m", "pyinstrument", "-r", "json", "-o", "out.json", "app.py"], {"app.py": "import asyncio, threading, time\nasync def main():\n    await asyncio.gather(*(asyncio.to_thread(time.sleep, .2) for _ in range(4)))\nasyncio.run(main())\nt = threading.Thread(target=time.sleep, args=(.1,)); t.start(); t.join()\nprint('end')\n"}),
]  # fmt: skip
