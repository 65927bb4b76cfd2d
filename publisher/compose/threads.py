"""A text too long for one post as several that follow each other, cut where a reader pauses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from publisher.compose.values import many_lines
from publisher.items.content import sentences

# A line of hyphens alone: here staff want a new post.
_CUT = re.compile(r"^[ \t]*-{3,}[ \t]*$", re.MULTILINE)
_PARAGRAPHS = re.compile(r"(\n{2,})")


def cut_marks(text: str) -> int:
    """How many lines of hyphens stand in a text, where staff want a new post."""
    return len(_CUT.findall(many_lines(text)))


def has_empty_part(text: str) -> bool:
    """Whether there is nothing before, after or between the lines of hyphens, where a post was to be."""
    return any(not piece.strip() for piece in _CUT.split(many_lines(text)))


def split(text: str, fits: Callable[[str, bool], bool]) -> list[str]:
    """The posts of a thread: cut at lines of hyphens; what does not fit between paragraphs, sentences, else words.

    `fits(words, first)` says whether words may be a post; the first has a link to carry. A word that is too long by
    itself becomes a post that does not fit, for the checks to tell of.
    """
    posts: list[str] = []
    for piece in _CUT.split(many_lines(text)):
        growing = ""
        for gap, words in _units(piece.strip(), lambda words: fits(words, True)):
            if not growing or fits(growing + gap + words, not posts):
                growing = growing + gap + words if growing else words
            else:
                posts.append(growing)
                growing = words
        posts += [growing] if growing else []
    return posts


def _units(text: str, fits: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """What is not cut, each with the space before it: sentences, and the words of those that do not fit."""
    between = ""
    for paragraph in _PARAGRAPHS.split(text):
        if _PARAGRAPHS.fullmatch(paragraph):
            between = "\n\n"
            continue
        for gap, sentence in sentences(paragraph):
            words = [sentence] if fits(sentence) else sentence.split()
            for number, word in enumerate(words):
                yield (" " if number else gap or between), word
