"""The spec language."""

from __future__ import annotations

import pytest
from conftest import run_code, run_python
from hypothesis import given
from hypothesis import strategies as st

from lazypatch import LazyPatchError
from lazypatch._spec import parse
from lazypatch._targets import GROUPS, OPTIONS, TARGETS, wanted


@pytest.mark.parametrize("text", ["all", "1", "on", "TRUE", "all,", " all ", ",".join(GROUPS)])
def test_all_is_everything(text: str) -> None:
    chosen, warnings = parse(text)
    assert chosen == wanted(GROUPS, OPTIONS)
    assert set(chosen) == set(TARGETS)
    assert not warnings


@pytest.mark.parametrize("text", ["", "0", "off", "none", "False"])
def test_nothing_is_nothing(text: str) -> None:
    assert parse(text) == ({}, [])


def test_a_group_brings_what_it_needs() -> None:
    assert set(parse("subprocess")[0]) == {"subprocess", "os", "signal"}
    assert set(parse("signal")[0]) == {"signal", "os"}
    assert set(parse("ssl")[0]) == {"ssl", "socket"}
    assert set(parse("thread")[0]) == {"_thread", "threading", "_threading_local", "select", "selectors"}


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
    chosen, warnings = parse(text)
    assert text.rpartition("-")[2] not in chosen
    assert any(said in message for message in warnings)


def test_only_removals_start_from_everything() -> None:
    assert set(parse("-queue")[0]) == set(TARGETS) - {"queue"}
    assert "dns" not in parse("dns=0")[0]["socket"]
    assert "dns" not in parse("all,-dns")[0]["socket"]
    assert parse("dns")[0] == {"socket": {"dns"}}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_can_be_switched_off(option: str) -> None:
    assert not any(option in options for options in parse(f"all,{option}=0")[0].values())
    assert any(option in options for options in parse(f"all,{option}=1")[0].values())


@given(st.lists(st.sampled_from([*GROUPS, *("-" + name for name in GROUPS), "all", *(f"{o}=0" for o in OPTIONS)])))
def test_every_spec_of_known_words_is_understood(words: list[str]) -> None:
    chosen, warnings = parse(",".join(words))
    removed = {word[1:] for word in words if word.startswith("-")}
    if "dns" in words:
        removed.discard("socket")  # then its look-up functions stay wanted
    assert not (removed - {"dns", "thread", "select"}) & set(chosen)
    assert chosen.keys() <= TARGETS.keys()
    assert not warnings or any(word.startswith("-") for word in words)


@given(st.text(alphabet="abcdefgh_=-", min_size=1))
def test_no_text_does_anything_but_parse_or_explain(text: str) -> None:
    explained = ""
    try:
        parse(text)
    except LazyPatchError as error:
        explained = str(error)
    assert not explained or "known words: " in explained


BAD = "socet"
EXPLAINED = "unknown word 'socet' in the spec 'socet'; the nearest word is 'socket'; known words: socket, "


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
    assert run_python("-X", "cooppatch=queue", "-c", code, spec="ssl").stdout == "waiting skipped\n"
    assert run_python("-X", "cooppatch", "-c", code).stdout == "waiting waiting\n"


def test_httplib_is_refused_with_a_reason() -> None:
    assert "http.client is cooperative once socket is" in run_code(
        "import lazypatch\ntry: lazypatch.patch_all(httplib=True)\nexcept ValueError as error: print(error)"
    )
