"""The report as a page: whole by itself, well formed, and looked at by a real browser, wide and narrow, light and dark."""

from __future__ import annotations

import html
import json
import pathlib
import re
import shutil
import struct
import subprocess
import zlib
from html.parser import HTMLParser
from typing import Any

import pytest
from conftest import run_python

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
with_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)
APP = """
import json, socket, ssl, subprocess
import gevent.monkey
gevent.monkey.patch_all()
# <script>document.title = "escaped badly"</script> & "quotes"
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The page of a program whose text is full of markup."""
    file = tmp_path_factory.mktemp("page") / "r.html"
    done = run_python("-m", "lazypatch", f"--report={file}", "-c", APP)
    assert (done.returncode, done.stderr) == (0, "")
    return file


class Checker(HTMLParser):
    """Notes what is open, and every tag with its attributes."""

    VOID = {"meta", "link", "br", "wbr", "img", "hr", "input"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_is_well_formed_and_needs_nothing_else(page: pathlib.Path) -> None:
    text = page.read_text()
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    names = {tag for tag, _ in checker.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert not re.search(r"https?://|url\(|@import|\bon[a-z]+=", text)
    assert not any({"src", "href"} & set(attributes) for _, attributes in checker.tags)
    shown = " ".join(checker.words)
    for fact in ("What lazypatch did", "patch_all()", '& "quotes"', "subprocess", "<string>:2"):
        assert fact in shown


def test_the_picture_has_a_bar_for_the_import_and_a_mark_for_the_install(page: pathlib.Path) -> None:
    checker = Checker()
    checker.feed(page.read_text())
    titles = {attributes.get("class"): [] for _, attributes in checker.tags if attributes.get("title")}
    for _, attributes in checker.tags:
        if attributes.get("title"):
            titles[attributes.get("class")].append(attributes["title"])
    bars = [title for kind, found in titles.items() if kind and kind.startswith("bar") for title in found]
    marks = [title for kind, found in titles.items() if kind and kind.startswith("mark") for title in found]
    assert any(title.startswith("ssl: ") for title in bars) and any(title.startswith("gevent: ") for title in bars)
    assert any("ssl" in title for title in marks) and all(title.startswith("installed: ") for title in marks)
    for _, attributes in checker.tags:
        place = re.fullmatch(r"left:([\d.]+)%;width:([\d.]+)%;top:\d+px", attributes.get("style") or "")
        if place:
            assert float(place[1]) + float(place[2]) <= 100.1


def test_without_timed_imports_the_page_says_how_to_get_them() -> None:
    done = run_python("-c", "import queue, lazypatch; print(lazypatch.report().to_html())", spec="gevent")
    checker = Checker()
    checker.feed(done.stdout)
    assert "--report=FILE.html" in checker.words and not any(
        "bar" in (a.get("class") or "").split() for _, a in checker.tags
    )


def test_raw_references_are_listed_with_what_became_of_each(tmp_path: pathlib.Path) -> None:
    (tmp_path / "early.py").write_text("import socket\nplaces = {'<b>': socket.socket}\n")
    code = (
        "import early, _thread, lazypatch\nHELD = _thread.allocate_lock(); HELD.acquire()\n"
        "lazypatch.patch_all()\nprint(lazypatch.report().to_html())"
    )
    done = run_python("-W", "ignore", "-c", code, PYTHONPATH=str(tmp_path))
    rows = re.findall(r'<li><span class="(good|bad)">(mended|left)</span> <code>(.+?)</code>', done.stdout)
    found = {html.unescape(place): (look, state) for look, state, place in rows}
    assert found["early.places['<b>']"] == ("good", "mended")
    assert found["__main__.HELD"] == ("bad", "left")
    assert "<b>" not in done.stdout


def browse(folder: pathlib.Path, file: pathlib.Path, *options: str) -> str:
    """Run Chromium on *file* and give what it prints."""
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}", *options, file.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


LOOK = """<!DOCTYPE html><html><body style="margin:0"><script>
function look(frame) {
  const page = frame.contentDocument, box = page.querySelector(".bars").getBoundingClientRect();
  const outside = [...page.querySelectorAll("body *")].filter(
    e => e.getBoundingClientRect().right > frame.clientWidth + 1 && !e.closest(".bars, .marks, .axis"));
  const labels = [...page.querySelectorAll(".mark b, .tick span")].map(e => [e, e.getBoundingClientRect()]).filter(p => p[1].width);
  const lines = [...page.querySelectorAll(".mark")].map(e => [e, e.getBoundingClientRect()]);
  const crossed = labels.filter(([e, a]) => labels.some(([f, b]) => e !== f && a.left < b.right && b.left < a.right
      && a.top < b.bottom && b.top < a.bottom) || lines.some(([m, b]) => m !== e.parentNode && a.left < b.left
      && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).map(p => p[0].textContent);
  page.querySelectorAll("details").forEach(e => { e.open = true; });
  const listed = [...page.querySelectorAll(".tree li .mono")].map(e => e.textContent);
  const named = [...page.querySelectorAll(".bar")].map(e => e.title.split(":")[0]);
  const bars = [...page.querySelectorAll(".bar")].map(e => e.getBoundingClientRect());
  return {
    width: frame.clientWidth, scrolls: page.documentElement.scrollWidth, outside: outside.map(e => e.outerHTML.slice(0, 90)),
    bars: bars.length, wide: bars.filter(b => b.width > 100).length, inside: bars.every(b => b.right <= box.right + 1),
    title: page.title, paper: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    crossed, labels: labels.length, unlisted: named.filter(name => !listed.includes(name)),
    rows: [...page.querySelectorAll("tr")].filter(e => e.getBoundingClientRect().height > 10).length,
  };
}
const found = [];
for (const width of [1280, 760, 375]) {
  const frame = document.createElement("iframe");
  frame.style = `border:0;height:3000px;width:${width}px`;
  frame.onload = () => { found.push(look(frame)); if (found.length === 3) {
    const out = document.createElement("pre"); out.id = "found"; out.textContent = JSON.stringify(found);
    document.body.append(out); } };
  frame.srcdoc = PAGE;
  document.body.append(frame);
}
</script></body></html>"""


def seen(page: pathlib.Path, folder: pathlib.Path, *options: str) -> dict[int, dict[str, Any]]:
    """What the browser made of the page, by width."""
    looker = folder / "look.html"
    looker.write_text(LOOK.replace("PAGE", json.dumps(page.read_text()).replace("</", "<\\/")))
    dom = browse(folder, looker, "--dump-dom", "--virtual-time-budget=5000", *options)
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, flags=re.DOTALL)
    assert found, dom[-2000:]
    return {one["width"]: one for one in json.loads(html.unescape(found[1]))}


DARK = "--blink-settings=preferredColorScheme=0"


@with_browser
@pytest.mark.parametrize(("options", "paper"), [((), "rgb(251, 250, 248)"), ((DARK,), "rgb(21, 24, 28)")])
def test_a_browser_shows_it_without_overflow(
    options: tuple[str, ...], paper: str, page: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Twelve targets, bars that can be read, nothing beyond the right edge, at each width; labels that touch nothing.

    What can be pointed at can be read in a list as well.
    """
    found = seen(page, tmp_path, *options)
    assert set(found) == {1280, 760, 375}
    for width, one in found.items():
        assert one["scrolls"] <= width and one["outside"] == [], one
        assert one["bars"] > 20 and one["wide"] >= 1 and one["inside"], one
        assert one["crossed"] == [] and one["unlisted"] == [] and one["labels"] >= 1, one
        assert one["rows"] >= 12 and one["paper"] == paper, one
        assert one["title"].startswith("lazypatch: -m lazypatch"), one


@with_browser
@pytest.mark.parametrize(("options", "paper"), [((), (251, 250, 248)), ((DARK,), (21, 24, 28))])
def test_a_screenshot_is_a_picture_of_it(
    options: tuple[str, ...], paper: tuple[int, int, int], page: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Of the right size, on paper of the right colour, and not empty."""
    shot = tmp_path / "shot.png"
    browse(tmp_path, page, f"--screenshot={shot}", "--window-size=1280,900", *options)
    content = shot.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == (1280, 900)
    data, position = b"", 8
    while position < len(content):
        size, kind = struct.unpack(">I4s", content[position : position + 8])
        data += content[position + 8 : position + 8 + size] if kind == b"IDAT" else b""
        position += size + 12
    pixels = zlib.decompress(data)
    assert tuple(pixels[1:4]) == paper  # whatever the first row's filter is, its first pixel is as it is
    assert len(set(pixels)) > 50
