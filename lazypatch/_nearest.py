"""Did you mean: the right word that is nearest to a wrong one, if one is near."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NEAR = 0.7  # of two words, the share of letters that they have in common in the same order
_LONGEST = 80  # letters of a word that are looked at


def nearest(word: str, known: "Iterable[str]", least: float = NEAR) -> str:
    """The one of *known* that *word* was most likely meant to be; "" if none is near.

    What all options begin with tells nothing, so dashes, and ``no-`` where both have it, are not compared.
    """
    scores = [(*_likeness(word[:_LONGEST].lower(), right.lower()), right) for right in known]
    score, _, right = max(scores, key=lambda one: one[:2], default=(0.0, 0.0, ""))
    return right if score >= least else ""


def did_you_mean(word: str, known: "Iterable[str]") -> str:
    """``; did you mean 'info'?``, to be put behind a message; nothing if none is near."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def _likeness(word: str, right: str) -> "tuple[float, float]":
    """Of what tells the two from others; and of all of it, for those that are equal in that."""
    one, other = word.lstrip("-"), right.lstrip("-")
    if one.startswith("no-") and other.startswith("no-"):
        one, other = one[3:], other[3:]
    return _ratio(one, other), _ratio(word, right)


def _ratio(one: str, other: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other, autojunk=False).ratio()
