"""The pages for users: every message has its section, every section a message, and every link leads somewhere."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import pathlib
import re

import pytest
from conftest import run_python

import lazypatch
from lazypatch import _errors

FOLDER = pathlib.Path(lazypatch.__file__).parent
ROOT = pathlib.Path(__file__).parents[2]
TROUBLES = ROOT / "docs" / "troubleshooting.md"
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
NO_MESSAGES = {"printable", "users_line", "one_line"}  # parts of messages
WHATEVER = "\0"  # stands for what is filled in


class _Texts(ast.NodeVisitor):
    """All text of a tree in its order."""

    def __init__(self) -> None:
        self.found = ""

    def visit_Constant(self, node: ast.Constant) -> None:
        self.found += node.value if isinstance(node.value, str) else ""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        self.found += WHATEVER

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.body)
        self.visit(node.orelse)


def text_of(tree: ast.AST) -> str:
    """What is written in *tree*, without what is filled in."""
    texts = _Texts()
    texts.visit(tree)
    return texts.found


def messages() -> dict[str, str]:
    """The text of each function of _errors.py that gives one."""
    tree = ast.parse(pathlib.Path(_errors.__file__).read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    return {
        node.name: text_of(ast.Module(body=node.body[1:], type_ignores=[]))  # without the docstring
        for node in functions
        if node.name not in NO_MESSAGES and isinstance(node.returns, ast.Name) and node.returns.id == "str"
    }


def sections() -> list[str]:
    """The messages that have a section: its heading, which is code."""
    return re.findall(r"^### `(.+)`$", TROUBLES.read_text(), re.MULTILINE)


def parts(heading: str) -> list[str]:
    """What stands in *heading* beside each ``...``, which stands for what is filled in."""
    return [part for piece in heading.split("...") if (part := piece.strip(" ,;:.'"))]


def is_said_in(heading: str, text: str) -> bool:
    """Whether all of *heading* stands in *text*, in its order."""
    place = 0
    for part in parts(heading):
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


@pytest.mark.parametrize("name", messages())
def test_each_message_has_a_section(name: str) -> None:
    found = [heading for heading in sections() if is_said_in(heading, messages()[name])]
    assert found, f"{TROUBLES.name} has no section for {name}(), whose text is {messages()[name]!r}"


FROM_OTHERS = {"gevent.exceptions.LoopExit: This operation would block forever", "lazypatch: command not found"}


@pytest.fixture(scope="module")
def sources() -> list[str]:
    """What is written in each file of the package."""
    pth = ROOT / "lazypatch" / "lazypatch.pth"
    return [pth.read_text(), *(text_of(ast.parse(file.read_text())) for file in FOLDER.rglob("*.py"))]


@pytest.mark.parametrize("heading", sorted({*sections()} - FROM_OTHERS))
def test_each_section_is_of_a_message_that_exists(heading: str, sources: list[str]) -> None:
    """A message may be put together in several files."""
    assert not [part for part in parts(heading) if not any(part in source for source in sources)]


def said_in_the_table(title: str) -> list[str]:
    """The messages in the first column of the table under *title* in reference.md."""
    section = (ROOT / "docs" / "reference.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("text", said_in_the_table("Warnings"))
def test_each_warning_of_the_reference_is_one_that_exists(text: str, sources: list[str]) -> None:
    """In one piece, as it is printed: its beginning, where the text does not begin with dots; and it has a section."""
    assert [source for source in sources if is_said_in(text, source)], text
    assert [heading for heading in sections() if parts(text)[0] in heading or parts(heading)[0] in text], text
    if not text.startswith("..."):
        beginnings = [said for said in messages().values() if said.startswith(parts(text)[0])]
        assert beginnings or not [said for said in messages().values() if is_said_in(text, said)], text


def anchors(page: pathlib.Path) -> set[str]:
    """As those who show Markdown make them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_each_link_leads_somewhere(page: pathlib.Path) -> None:
    for link in re.findall(r"\]\((?!\w+://)([^)\s]+)\)", page.read_text()):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_each_page_is_in_the_readme_once() -> None:
    listed = (ROOT / "README.md").read_text()
    assert {page.name: listed.count(f"](docs/{page.name})") for page in PAGES[:-1]} == {
        # Where something is told in passing, the page with the rest of it is named there, too.
        page.name: 2 if page.name == "reference.md" else 1
        for page in PAGES[:-1]
    }


def test_what_a_package_index_shows_has_no_link_that_leads_nowhere() -> None:
    """It has README.md alone, with links that say where the repository is, or none."""
    shown = str(
        importlib.metadata.metadata("lazypatch").get_payload()
        or importlib.metadata.metadata("lazypatch")["Description"]
    )
    assert shown.startswith("# lazypatch") and "docs/reference.md" in shown
    assert not re.findall(r"\]\((?!\w+://)", shown)


def test_each_page_is_on_the_site() -> None:
    """And nothing else; README.md is its first page. That the site can be built is looked at in .ci/run."""
    nav = (ROOT / "docs" / "site" / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = re.findall(r"- (?:Home: )?(\S+\.md)$", nav, re.MULTILINE)
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted({*pages, "index.md", "changelog.md"})


def programs() -> list[tuple[str, str]]:
    """The blocks of Python on the pages, and where each is."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found.append((f"{page.name}:{text.count(chr(10), 0, block.start()) + 1}", block[1]))
    return found


@pytest.mark.parametrize(("where", "program"), programs(), ids=lambda value: value if value.count("\n") == 0 else "")
def test_each_block_of_python_runs(where: str, program: str, tmp_path: pathlib.Path) -> None:
    """Armed, from a file of its own, without a word on stderr."""
    tree = ast.parse(program)
    tops = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    tops |= {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    missing = [name for name in sorted(tops) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    (tmp_path / "app.py").write_text(program)
    done = run_python("app.py", cwd=tmp_path, spec="all")
    assert (done.returncode, done.stderr) == (0, ""), f"{where}: {done.stderr}"
