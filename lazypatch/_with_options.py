"""What the options of a spec begin: what precedes arming, what follows it, and when that is."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._session import Session
    from ._spec_options import Value


def arm_with(session: "Session", options: "Mapping[str, Value]", arm: "Callable[[], object]") -> None:
    """Call *arm*, and have *session* do what *options* ask for; from wherever the spec came."""
    if options.get("when"):
        from ._when_forked import arm_children

        later = {**options, "when": ""}
        arm_children(session, lambda: arm_with(session, later, arm))
        return
    if options.get("strict"):
        from .reporting.strict import begin

        begin(session)
    if "in_threadpool" in options:
        from ._pooled import add, read

        add(session, read(str(options["in_threadpool"])))
    arm()
    if "monitor" in options or "dump" in options:
        from .stalls import asked

        asked.begin(session, options)
