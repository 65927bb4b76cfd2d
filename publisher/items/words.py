"""Words as people and websites write them: one form for all spellings, and whether a text has one of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_DANISH = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ö": "oe", "ä": "ae"})
# At an end of a word: whatever goes on there.
ANYTHING = "*"
LONGEST, MOST = 120, 50


def key(word: str) -> str:
    """“Køge”, “KØGE” and “koege” are one word; so are “Børn & unge” and “boern-unge”."""
    plain = unicodedata.normalize("NFC", word).casefold().translate(_DANISH)
    letters = unicodedata.normalize("NFKD", plain)
    return re.sub(r"[\W_]+", "-", "".join(c for c in letters if not unicodedata.combining(c))).strip("-")


class Text:
    """What words are looked for in. It is brought into its one form when it is first asked."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts
        self._form: str | None = None

    def has(self, word: str) -> bool:
        """Whether it has the word (or the words, one after the other), whole.

        “kunst*” also finds “kunstner”, “*kunst” “samtidskunst”, and “*kunst*” both.
        """
        wanted = key(word)
        if not wanted:
            return False
        if self._form is None:
            # Parts do not run into each other: a headline's last word and the lead's first are no phrase.
            self._form = "".join(f"-{key(part)}-" for part in self._parts)
        before, after = ("" if word.strip()[end] == ANYTHING else "-" for end in (0, -1))
        return f"{before}{wanted}{after}" in self._form

    def has_any(self, words: Iterable[str]) -> bool:
        """Whether it has one of them."""
        return any(self.has(word) for word in words)


def spellings(word: str) -> set[str]:
    """A word in the cases that SQLite has to be asked for: it takes only A to Z as one letter in both, not æ, ø, å."""
    return {word, word.lower(), word.upper(), word.capitalize()}


def words_in(typed: str) -> list[str]:
    """What a person typed, one word or phrase a line or between commas: each once, at most MOST of them."""
    found: dict[str, str] = {}
    for part in re.split(r"[,;\n]", typed):
        word = " ".join(part.split())[:LONGEST].strip()
        if key(word):
            found.setdefault(word.casefold(), word)
    return list(found.values())[:MOST]
