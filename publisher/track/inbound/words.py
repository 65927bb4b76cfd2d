"""The words of whoever wrote a mail, without those of the mail that they answered."""

from __future__ import annotations

import re
from collections.abc import Iterator

EXCERPT = 500

# What mail programs and their filters put in front of the subject of an answer; Danish, German and English ones.
_ANSWERS = re.compile(r"(?:^|[\s\]:])(?:sv|re|vs|fw|fwd|aw|antw|wg)(?:\[\d{1,3}\])?:", re.IGNORECASE)
_QUOTED = re.compile(r"\s{0,3}>")
# From such a line on nothing is the person's own.
_END = re.compile(
    r"\s*(?:-{2,}\s*(?:original|oprindelig|videresendt|forwarded).*|_{10,}\s*|-- ?|-{2,}\s*ursprüngliche.*)$",
    re.IGNORECASE,
)
# “Den 26. nov. 2026 kl. 08.00 skrev Kulturnyt <…>:”, which long names break over two lines: a day, and who then wrote.
_DAY = re.compile(r"\s*(?:(?:den|on|am|le)\s\D*)?\d", re.IGNORECASE)
_WROTE = re.compile(r"\b(?:skrev|wrote|schrieb|a écrit)\b", re.IGNORECASE)
# The headers that Outlook and mobile programs write above the mail that is answered.
_FROM = re.compile(r"\s*\*?(?:fra|from|von)\s?:\*?\s*\S.*$", re.IGNORECASE)
_THEN = re.compile(r"\s*\*?(?:sendt|sent|gesendet|dato|date|datum|til|to|an)\s?:", re.IGNORECASE)
# Of a line so much is looked at.
_LOOKED_AT = 300


def own_words(text: str) -> str:
    """What a person wrote, without the mail that they answered; short enough to show."""
    words = (" ".join(line.split()) for line in _own_lines(text.splitlines()))
    return "\n".join(line for line in words if line)[:EXCERPT]


def _own_lines(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        number = _says_who_wrote(lines, at)
        if number and not any(_QUOTED.match(each) for each in lines[at + number : at + number + 4]):
            return
        if not number and _ends(lines, at):
            return
        # What is quoted below is marked as such, so the person may go on after it.
        if not number and not _QUOTED.match(lines[at]):
            yield lines[at]
        at += number or 1


def _says_who_wrote(lines: list[str], at: int) -> int:
    """Of how many lines the words are that stand above a quoted mail; 0 if they do not stand here."""
    line, following = (each[:_LOOKED_AT] for each in (lines[at], lines[at + 1] if at + 1 < len(lines) else ""))
    if _is_who_wrote(line):
        return 1
    return 2 if not _is_who_wrote(following) and _is_who_wrote(f"{line} {following}") else 0


def _is_who_wrote(words: str) -> bool:
    """Asked in steps: one pattern for all of it would try each digit with each “wrote” and each end."""
    day = _DAY.match(words)
    return day is not None and words.rstrip().endswith(":") and _WROTE.search(words, day.end()) is not None


def _ends(lines: list[str], at: int) -> bool:
    line = lines[at][:_LOOKED_AT]
    if _FROM.match(line):
        following = next((each for each in lines[at + 1 : at + 3] if each.strip()), "")
        return "@" in line or bool(_THEN.match(following[:_LOOKED_AT]))
    return bool(_END.match(line))


def own_subject(subject: str, answered: str) -> str:
    """What of a subject is the person's own; `answered` is that of the mail that they answer ("" if nobody knows).

    Of an answer to a mail that nobody knows nothing is.
    """
    said, ours = (" ".join(text.casefold().split()) for text in (subject, answered))
    if ours and ours in said:
        return said.replace(ours, " ")
    return "" if not ours and _ANSWERS.search(said) else said
