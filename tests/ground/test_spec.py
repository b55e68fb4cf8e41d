"""The spec language."""

from __future__ import annotations

import pytest
from conftest import run_code, run_python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lazypatch import LazyPatchError, _plain_spec
from lazypatch._adapters import ADAPTERS, PART
from lazypatch._spec import parse
from lazypatch._targets import GROUPS, MANY, OPTIONS, TARGETS, Selection, wanted


@pytest.mark.parametrize("text", ["all", "1", "on", "TRUE", "all,", " all ", ",".join(GROUPS)])
def test_all_is_everything(text: str) -> None:
    choice = parse(text)
    assert choice.wanted == wanted(GROUPS, OPTIONS)
    assert set(choice.wanted) == set(TARGETS)
    assert choice.adapters == (set() if "queue" in text else {"all"})
    assert not choice.warnings


def test_gevent_is_every_group_and_no_adapter() -> None:
    assert parse("gevent").wanted == parse("all").wanted
    assert parse("gevent").adapters == set()


@pytest.mark.parametrize("text", ["", "0", "off", "none", "False"])
def test_nothing_is_nothing(text: str) -> None:
    choice = parse(text)
    assert not choice and not choice.warnings


def test_a_group_brings_what_it_needs() -> None:
    assert set(parse("ssl,-thread").wanted) == {"ssl", "socket"}
    assert set(parse("subprocess,-thread").wanted) == {"subprocess", "os", "signal"}
    assert set(parse("signal,-thread,-subprocess").wanted) == {"signal", "os"}
    assert set(parse("queue,-os,-subprocess,-socket").wanted) == {
        "queue", "_thread", "threading", "_threading_local", "select", "selectors", "time",
    }  # fmt: skip
    for alone in ("dns", "select", "time"):
        assert parse(alone).wanted == wanted([alone], OPTIONS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thread,-select", "asyncio.to_thread"),
        ("all,-os", "ChildProcessError"),
        ("ssl,-socket", "blocking socket"),
        ("subprocess,-signal", "SIGCHLD"),
    ],
)
def test_taking_out_what_is_needed_is_obeyed_and_warned_of(text: str, said: str) -> None:
    choice = parse(text)
    assert text.rpartition("-")[2] not in choice.wanted
    assert any(said in message for message in choice.warnings)


def test_taking_everything_out_is_warned_of() -> None:
    choice = parse("queue,-queue")
    assert not choice and "nothing is left" in choice.warnings[0]


def test_only_removals_start_from_everything() -> None:
    assert set(parse("-queue").wanted) == set(TARGETS) - {"queue"}
    assert parse("-queue").adapters == {"all"}
    assert "dns" not in parse("dns=0").wanted["socket"]
    assert "dns" not in parse("all,-dns").wanted["socket"]
    assert parse("dns").wanted == {"socket": {"dns"}}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_can_be_switched_off(option: str) -> None:
    assert not any(option in options for options in parse(f"all,{option}=0").wanted.values())
    assert any(option in options for options in parse(f"all,{option}=1").wanted.values())


def test_no_word_has_two_meanings() -> None:
    words = [*GROUPS, *MANY, "gevent", *(row.word for row in ADAPTERS if row.kind != PART)]
    assert len(words) == len({*words})
    assert {*words}.isdisjoint({"strict", *OPTIONS} - {"dns"})  # dns is a group, and an option of socket's


ADAPTER_WORDS = [row.word for row in ADAPTERS if row.kind != PART]


@pytest.mark.parametrize("word", ADAPTER_WORDS)
def test_an_adapter_brings_the_groups_that_it_needs(word: str) -> None:
    row = next(row for row in ADAPTERS if row.word == word)
    choice = parse(word)
    assert choice.adapters == {word} and {*row.needs} <= choice.wanted.keys() and not choice.warnings
    assert parse(f"gevent,{word}").adapters == {word}
    assert parse(f"all,-{word}").adapters == {"all", "-" + word}


def test_enabling_again_adds_adapters_and_takes_none_out() -> None:
    for first, second, together in (
        ({"all", "-a", "-b"}, {"all", "-b"}, {"all", "-b"}),
        ({"all", "-a"}, {"b"}, {"all", "-a", "b"}),
        ({"b"}, {"all", "-a"}, {"all", "-a", "b"}),
        ({"all"}, {"all", "-a"}, {"all"}),
        ({"a"}, {"-b"}, {"a"}),
    ):
        selection = Selection()
        selection.add_adapters(first)
        selection.add_adapters(second)
        assert selection.adapters == together, (first, second)


WORDS = [*GROUPS, *("-" + name for name in GROUPS), "all", *(f"{o}=0" for o in OPTIONS), *ADAPTER_WORDS]


# The same examples every time, however long each takes.
drawn = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])


@drawn
@given(st.lists(st.sampled_from(WORDS)))
def test_every_spec_of_known_words_is_understood(words: list[str]) -> None:
    choice = parse(",".join(words))
    removed = {word[1:] for word in words if word.startswith("-")}
    if "dns" in words:
        removed.discard("socket")  # then its look-up functions stay wanted
    assert not (removed - {"dns", "thread", "select"}) & set(choice.wanted)
    assert choice.wanted.keys() <= TARGETS.keys()
    assert not choice.warnings or any(word.startswith("-") for word in words)


PLAIN = [*GROUPS, *ADAPTER_WORDS, *("-" + word for word in ADAPTER_WORDS), "all", "gevent", "1", "ALL", "on", " queue "]


@drawn
@given(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=6))
def test_what_needs_no_parser_means_what_the_parser_says(words: list[str]) -> None:
    text = ",".join(words)
    plainly = _plain_spec.read(text)
    if plainly is not None:
        choice = parse(text)
        assert plainly == (choice.wanted, choice.adapters)
        assert not (choice.warnings or choice.options or choice.only or choice.without or choice.inherit is not None)


def test_what_needs_no_parser_is_known_from_the_tables() -> None:
    assert _plain_spec.WORDS.split() == ADAPTER_WORDS
    for text in ("gevent", "socket,ssl", "all,-uvloop", "-queue-class", "gevent,os-read", "dns"):
        assert _plain_spec.read(text), text
    for text in ("", "al", "all,-queue", "strict=1", "os-read", "all,gevent", "none", "socket,os-read", "all,,gevent"):
        assert _plain_spec.read(text) is None, text


@drawn
@given(st.text(alphabet="abcdefgh_=-,; ", min_size=1))
def test_no_text_does_anything_but_parse_or_explain(text: str) -> None:
    explained = ""
    try:
        parse(text)
    except LazyPatchError as error:
        explained = str(error)
    assert "\n" not in explained and (not explained or "Known: " in explained or "; " in explained)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-all", "say 'none' to make nothing cooperative"),
        ("all,gevent", "leave one of them out"),
        (",", "holds no word"),
        ("socket ssl", "separate words by commas, not by ' '"),
        ("socket;ssl", "separate words by commas, not by ';'"),
        ("strict", "'strict='"),
        ("stric=1", "did you mean 'strict'?"),
        ("dns=maybe", "unknown value for the option dns 'maybe'"),
        ("a" * 120_000, "(120000 characters)"),
        ("\x1b[31m", "'\\x1b[31m'"),
    ],
)
def test_a_mistake_is_told_in_one_line_that_says_what_was_meant(text: str, said: str) -> None:
    with pytest.raises(LazyPatchError) as caught:
        parse(text)
    assert said in str(caught.value) and len(str(caught.value)) < 1500
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("spec", [None, ["socket"], 3])
def test_what_is_no_text_is_told(spec: object) -> None:
    with pytest.raises(LazyPatchError, match="a spec is a text"):
        parse(spec)  # type: ignore[arg-type]


BAD = "socet"
EXPLAINED = "unknown word 'socet' in the spec 'socet'; did you mean 'socket'?"


def test_an_unknown_word_in_the_variable_is_one_line_and_arms_nothing() -> None:
    done = run_python("-c", "import sys; print(any('lazypatch' in str(finder) for finder in sys.meta_path))", spec=BAD)
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"lazypatch: PYTHONCOOPPATCH=socet: {EXPLAINED}")


def test_an_unknown_word_in_the_x_option_is_one_line_and_arms_nothing() -> None:
    done = run_python("-X", f"cooppatch={BAD}", "-c", "print('runs')")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "runs\n", 1)
    assert done.stderr.startswith(f"lazypatch: -X cooppatch=socet: {EXPLAINED}")


def test_an_unknown_word_in_enable_is_an_error_that_says_so() -> None:
    done = run_python("-c", f"import lazypatch; lazypatch.enable({BAD!r})")
    assert done.returncode == 1
    assert "LazyPatchError: " + EXPLAINED in done.stderr


def test_a_required_group_taken_out_is_warned_of_each_way_in() -> None:
    said = "thread is made cooperative without select"
    for done in (
        run_python("-c", "pass", spec="thread,-select"),
        run_python("-X", "cooppatch=thread,-select", "-c", "pass"),
        run_python("-m", "lazypatch", "--patch", "thread,-select", "-c", "pass"),
        run_python("-c", "import lazypatch; lazypatch.enable('thread,-select')"),
        run_python("-c", "import lazypatch; lazypatch.patch_all(select=False)"),
    ):
        assert done.returncode == 0
        assert done.stderr.count(said) == 1, done.stderr


def test_the_x_option_wins_over_the_variable() -> None:
    code = "import lazypatch; print(lazypatch.state('queue'), lazypatch.state('ssl'))"
    assert run_python("-X", "cooppatch=queue,-socket", "-c", code, spec="ssl").stdout == "waiting skipped\n"
    assert run_python("-X", "cooppatch", "-c", code).stdout == "waiting waiting\n"


def test_httplib_is_refused_with_a_reason() -> None:
    assert "http.client is cooperative once socket is" in run_code(
        "import lazypatch\ntry: lazypatch.patch_all(httplib=True)\nexcept ValueError as error: print(error)"
    )
