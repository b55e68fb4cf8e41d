"""python-ldap lets the others run while it waits for the server, and does all else as without: against a real server.

Every answer comes through a proxy in the client's own process: a wait that stops the others never ends.
"""

from __future__ import annotations

import pytest
from adapters_servers import ALL_OF, THROUGH, ldap, port_of, runner, silent

pytest.importorskip("ldap", reason="python-ldap is not installed here")

PRELUDE = (
    "import sys, threading, time\nimport ldap, ldap.ldapobject, ldap.modlist, ldap.controls\n"
    + ALL_OF
    + THROUGH
    + """
proxy = Through(int(sys.argv[1]))
ADMIN, TOP = ("cn=admin,dc=example", "secret"), "dc=example"
def connect(kind=ldap.initialize, bind=True):
    made = kind(f"ldap://127.0.0.1:{proxy.port}")
    if bind: made.simple_bind_s(*ADMIN)
    return made
def entry(c, name):
    dn = f"ou={name},{TOP}"
    try: c.delete_s(dn)
    except ldap.NO_SUCH_OBJECT: pass
    c.add_s(dn, [("objectClass", [b"organizationalUnit"]), ("ou", [name.encode()])]); return dn
def top(c):
    try: c.add_s(TOP, [("objectClass", [b"dcObject", b"organization"]), ("dc", [b"example"]), ("o", [b"x"])])
    except ldap.ALREADY_EXISTS: pass
    return c
"""
)


port = port_of(ldap)
run = runner(PRELUDE)

CHECKS = {
    "all wait together": """
        top(connect()); made = all_of([connect] * 8)[0]; proxy.meet(8)
        found = all_of([lambda c=c: c.search_s(TOP, ldap.SCOPE_BASE, attrlist=["dc"]) for c in made])[0]
        assert found == [[(TOP, {"dc": [b"example"]})]] * 8, found
        proxy.meet(8); all_of([lambda c=c: c.whoami_s() for c in made]); proxy.meet(8); all_of([lambda c=c: c.simple_bind_s(*ADMIN) for c in made])
    """,
    "one connection, several threads": """
        c = top(connect()); names = [f"t{n}" for n in range(8)]
        [entry(c, name) for name in names]
        search = lambda name: c.search_s(TOP, ldap.SCOPE_ONELEVEL, f"(ou={name})", ["ou"])
        found = all_of([lambda name=name: search(name) for name in names])[0]
        assert sorted(found) == [[(f"ou={name},{TOP}", {"ou": [name.encode()]})] for name in names]
    """,
    "requests and answers apart": """
        c = top(connect()); dn = entry(c, "apart")
        one, two = c.search(TOP, ldap.SCOPE_BASE), c.search(dn, ldap.SCOPE_BASE)
        assert c.result(two)[1][0][0] == dn and c.result(one)[1][0][0] == TOP
        [entry(c, f"many{n}") for n in range(20)]
        number, names = c.search(TOP, ldap.SCOPE_ONELEVEL, "(ou=many*)"), []
        while (found := c.result(number, all=0))[0] != ldap.RES_SEARCH_RESULT: names += [dn for dn, _ in found[1]]
        assert len(names) == 20
        number = c.search(TOP, ldap.SCOPE_BASE); proxy.until(1)
        while (found := c.result(number, timeout=0))[0] is None: time.sleep(0)
        assert found[1][0][0] == TOP
        c.abandon(c.search(TOP, ldap.SCOPE_BASE)); assert c.compare_s(dn, "ou", b"apart")
        control = ldap.controls.SimplePagedResultsControl(True, size=7, cookie="")
        _, data, _, controls = c.result3(c.search_ext(TOP, ldap.SCOPE_ONELEVEL, "(ou=many*)", serverctrls=[control]))
        assert len(data) == 7 and controls[0].cookie
    """,
    "changes and errors": """
        import pickle
        c = top(connect()); dn = entry(c, "changed")
        c.modify_s(dn, [(ldap.MOD_ADD, "description", [b"d"])]); c.rename_s(dn, "ou=moved" + "SPEC"); dn = f"ou=movedSPEC,{TOP}"
        assert c.search_s(dn, ldap.SCOPE_BASE)[0][1]["description"] == [b"d"]; c.delete_s(dn)
        try: c.search_s(dn, ldap.SCOPE_BASE)
        except ldap.NO_SUCH_OBJECT as error: assert error.args[0]["result"] == 32 and error.args[0]["matched"] == TOP
        else: raise AssertionError
        try: connect(bind=False).simple_bind_s(ADMIN[0], "wrong")
        except ldap.INVALID_CREDENTIALS: pass
        else: raise AssertionError
        try: ldap.initialize("ldap://127.0.0.1:1").simple_bind_s()
        except ldap.SERVER_DOWN: pass
        else: raise AssertionError
        c.unbind_s()
        try: c.whoami_s()
        except AttributeError: pass  # as it is
        else: raise AssertionError
    """,
    "subclasses, reconnecting": """
        r = connect(ldap.ldapobject.ReconnectLDAPObject); top(r)
        r.reconnect(r._uri); assert r.whoami_s() == "dn:" + ADMIN[0]
        class Mine(ldap.ldapobject.SimpleLDAPObject): pass
        assert isinstance(connect(Mine), ldap.ldapobject.LDAPObject) and connect(Mine).whoami_s() == "dn:" + ADMIN[0]
    """,
}


@pytest.mark.parametrize("spec", [None, "all"])
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_as_without_lazypatch(check: str, spec: str | None, port: int) -> None:
    run(port, check.replace("SPEC", str(spec)), spec)


@pytest.mark.parametrize("spec", [None, "all"])
def test_time_outs(spec: str | None) -> None:
    """Of an answer, by the object's and by the call's own; and of logging in."""
    code = """
        c = connect(bind=False); c.set_option(ldap.OPT_NETWORK_TIMEOUT, 5); number = c.simple_bind(*ADMIN)
        try: c.result(number, timeout=0.2)
        except ldap.TIMEOUT: pass
        else: raise AssertionError
        c.timeout = 0.2
        try: c.simple_bind_s(*ADMIN)
        except ldap.TIMEOUT: pass
        else: raise AssertionError
    """
    with silent() as port:
        run(port, code, spec)


def test_who_is_ended_ends_at_once_and_leaves_no_answer_for_the_next_call(port: int) -> None:
    code = """
        import gevent, lazypatch, os, signal
        c = top(connect()); dn = entry(c, "ended"); proxy.meet(100)
        waiting = gevent.spawn(c.search_s, TOP, ldap.SCOPE_BASE); proxy.until(1); waiting.kill(); assert waiting.dead
        try:
            with gevent.Timeout(0.05): c.search_s(TOP, ldap.SCOPE_BASE)
        except gevent.Timeout: pass
        else: raise AssertionError
        gevent.spawn_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try: c.search_s(TOP, ldap.SCOPE_BASE)
        except KeyboardInterrupt: pass
        else: raise AssertionError
        proxy.meet(0); assert c.search_s(dn, ldap.SCOPE_BASE)[0][0] == dn
        assert lazypatch.state("python-ldap") == "installed"
        assert {d.module: d.switched for d in lazypatch.report().drivers}["ldap"] is True
    """
    run(port, code)


def test_late_and_in_native_threads(port: int) -> None:
    code = """
        import lazypatch
        lazypatch.enable("all"); assert lazypatch.state("python-ldap") == "late"
        found = []
        def ask(): c = ldap.initialize(f"ldap://127.0.0.1:{sys.argv[1]}"); c.simple_bind_s(*ADMIN); found.append(c.whoami_s())
        native = lazypatch.original("threading").Thread(target=ask); native.start(); native.join()
        assert found == ["dn:" + ADMIN[0]]
        proxy = Through(int(sys.argv[1])); made = [connect() for _ in range(4)]; proxy.meet(4)
        all_of([lambda c=c: c.whoami_s() for c in made])
    """
    runner(PRELUDE.replace("proxy = Through(int(sys.argv[1]))\n", ""))(port, code, None)
