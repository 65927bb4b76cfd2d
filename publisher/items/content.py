"""Text of news items: unsafe HTML in, a small safe subset out; plain text and excerpts of it."""

from __future__ import annotations

import html as entities
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import nh3
import regex

from publisher.items.identity import web_address

MAX_HTML = 500_000
# What a parser may be asked: nesting costs it the square of the tags, open formatting the product with all tags.
MAX_TAGS = 10_000
MAX_REOPENED = 2_000_000
MAX_DEPTH = 50
_ROUNDS = 6

_KEPT = {"p", "br", "strong", "em", "b", "i", "u", "ul", "ol", "li", "a", "h2", "h3", "blockquote"}
_DROPPED_WITH_CONTENT = {
    *("script", "style", "figure", "figcaption", "svg", "math", "iframe", "object", "noscript", "template"),
    *("textarea", "select", "button", "video", "audio", "title"),
}
_PARAGRAPHS = (
    "div", "section", "article", "aside", "header", "footer", "main", "nav", "address", "center", "dt", "dd", "details",
    "summary", "form", "fieldset", "legend", "caption", "tr", "pre", "hgroup",
)  # fmt: skip
_TRANSPARENT = ("table", "thead", "tbody", "tfoot", "td", "th", "dl")
_TOKENS = {
    **{f"<{name}>": "<p>" for name in _PARAGRAPHS},
    **{f"</{name}>": "</p>" for name in _PARAGRAPHS},
    **{f"<{name}>": "" for name in _TRANSPARENT},
    **{f"</{name}>": " " for name in _TRANSPARENT},
    "<h1>": "<h2>",
    "</h1>": "</h2>",
    "<hr>": "<br>",
    **{f"<{name}>": "<h3>" for name in ("h4", "h5", "h6")},
    **{f"</{name}>": "</h3>" for name in ("h4", "h5", "h6")},
}
_PARSED = _KEPT | set(_PARAGRAPHS) | set(_TRANSPARENT) | {"h1", "h4", "h5", "h6", "hr"}

_REL = "noopener noreferrer"
# An address that needs a base. Without one all texts share a cleaner; building it costs as much as using it.
# It begins with a sign that stands in a text only where an attribute does: such a pattern is looked for fastest.
_RELATIVE = re.compile(r"=(?:(?<=href=)|(?<=\s=))\s*+[\"']?+\s*+(?!https?://|mailto:|tel:)", re.IGNORECASE)
_BARE_TAG = re.compile(rf"</?(?!(?:{'|'.join(sorted(_KEPT))})>)[a-z][a-z0-9]*>")
_ANY_TAG = re.compile(r"<[/a-zA-Z]")
_FORMATTING = re.compile(r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)\b", re.IGNORECASE)
_LINK_TO_NOWHERE = re.compile(rf'<a(?: href="")? rel="{_REL}">(.*?)</a>', re.DOTALL)
_EMPTY = re.compile(r"<(p|h2|h3|li|ul|ol|blockquote|strong|em|b|i|u)>(?:\s|&nbsp;|<br>)*</\1>")
_BREAKS = re.compile(r"(?:<br>\s*){2,}")
_TAG = re.compile(r"(<[^<>]*>)")
_BLOCK = re.compile(r"</?(?:p|ul|ol|li|h2|h3|blockquote)>")
_BREAKS_AROUND = re.compile(r"^(?:\s|<br>)+|(?:\s|<br>)+$")
_OPENED = re.compile(r"(<(?:p|li|h2|h3|blockquote)>)(?:\s|<br>)+")
_CLOSED = re.compile(r"(</(?:p|li|h2|h3|blockquote)>)")
# Blocks of words as most articles have them, in the form in which cleaning leaves them.
_INLINE = "|".join(("[^<>\t\n\f]++", *(f"<{name}>[^<>\t\n\f]++</{name}>" for name in ("strong", "em", "b", "i", "u"))))
_WORDS = rf'(?!\s)(?:{_INLINE}|<a href="[^"<>]++" rel="{_REL}">(?:{_INLINE})++</a>)++(?<!\s)'
_LIST = rf"(?:<li>{_WORDS}</li>)++"
_SETTLED = re.compile(rf"(?:<p>{_WORDS}</p>|<h2>{_WORDS}</h2>|<h3>{_WORDS}</h3>|<ul>{_LIST}</ul>|<ol>{_LIST}</ol>)*+")

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_SENTENCE_END = re.compile(r"([\w.]*)[.!?…][”\"»«’)]*(?=\s+(\S))")
_ABBREVIATION = re.compile(
    r"bl|bl\.a|ca|d|d\.v\.s|dr|dvs|evt|f\.eks|fhv|fx|hr|inkl|jf|kl|m\.fl|mfl|mr|mrs|nr|o\.l|pga|prof|skt|st|tlf|vedr",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """Text that any database and mail can hold: NFC, without control characters and halves of characters."""
    if not text.replace("\n", "").isprintable():
        text = _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """`tidy` text with every run of white space as one space, for headlines and names."""
    return " ".join(tidy(text).split())


def clean_html(html: str, base_url: str = "") -> str:
    """The safe subset of `html`: paragraphs, two levels of headings, lists, quotes, emphasis and web links.

    Relative links are resolved against `base_url`, or lose their target without one. Pictures and figures go (an
    item has one picture, kept apart). Cleaning twice changes nothing. At most 500 000 characters are read; what is
    built to exhaust a parser (thousands of nested tags) is kept as plain paragraphs. Rules: OWASP ASVS 5.0, 1.3.1.
    """
    cleaner = _cleaner(web_address(base_url) if _RELATIVE.search(html) else "")
    before, cleaned = None, html[:MAX_HTML]
    for _round in range(_ROUNDS):
        if not _is_cheap(cleaned):
            break
        before, cleaned = cleaned, _sanitised(cleaner, cleaned)
        if _is_settled(cleaned):
            return cleaned
        cleaned = _EMPTY.sub("", _in_blocks(cleaned)).strip()
        if cleaned == before:
            return cleaned if _is_modest(cleaned) else _as_paragraphs(_without_tags(cleaned))
    return _as_paragraphs(_without_tags(cleaned))


def plain_text(html: str) -> str:
    """What `html` says without its markup: an empty line between paragraphs, each list entry on a line with “- ”."""
    return text_of_clean(clean_html(html))


def text_of_clean(html: str) -> str:
    """`plain_text` of what `clean_html` gave."""
    text = re.sub(r"<br> ?", "\n", " ".join(html.split()))
    text = re.sub(r"<li>\s*(?:<p>)?", "\n- ", text)
    text = re.sub(r"</?(?:p|h2|h3|blockquote|ul|ol)>", "\n\n", text)
    text = entities.unescape(re.sub(r"<[^<>]*>", "", text))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def excerpt(text: str, limit: int) -> str:
    """The beginning of `text` in at most `limit` characters: whole sentences, else whole words and “…”."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    ends = [
        match.end()
        for match in _SENTENCE_END.finditer(text[: limit + 2])
        if match.end() <= limit and _ends_sentence(match)
    ]
    if ends and ends[-1] >= limit // 3:
        return text[: ends[-1]]
    space = text.rfind(" ", 0, limit)
    head = text[:space] if space > 0 else _whole_characters(text, limit - 1)
    return head.rstrip(" ,;:–-") + "…"


def sentences(text: str) -> Iterator[tuple[str, str]]:
    """The sentences of `text` in order, each with the white space that stood before it ("" for the first)."""
    gap, start = "", 0
    for match in _SENTENCE_END.finditer(text):
        if _ends_sentence(match):
            yield gap, text[start : match.end()]
            start = match.start(2)
            gap = text[match.end() : start]
    if text[start:].strip():
        yield gap, text[start:].rstrip()


def lead_before(lead: str, text: str) -> str:
    """The lead as it stands above `text` (the body as plain text): "" if the body begins with the same words, as in
    many feeds."""
    beginning = " ".join(lead.split()).rstrip("….")
    return "" if " ".join(text.split()).startswith(beginning) else lead


def _ends_sentence(match: re.Match[str]) -> bool:
    following = match.group(2)
    return not (following.islower() or following.isdigit() or _ABBREVIATION.fullmatch(match.group(1)))


def _whole_characters(text: str, limit: int) -> str:
    """Cut between characters as people see them (an emoji may be seven code points)."""
    ends = [cluster.end() for cluster in regex.finditer(r"\X", text[: limit + 1]) if cluster.end() <= limit]
    return text[: ends[-1]] if ends else ""


@lru_cache(maxsize=64)
def _cleaner(base_url: str) -> nh3.Cleaner:
    def build(relative: Literal["deny"] | tuple[Literal["rewrite_with_base"], str]) -> nh3.Cleaner:
        return nh3.Cleaner(
            tags=_PARSED,
            clean_content_tags=_DROPPED_WITH_CONTENT,
            attributes={"a": {"href"}},
            url_schemes={"https", "http", "mailto", "tel"},
            url_relative=relative,
            link_rel=_REL,
        )

    try:
        return build(("rewrite_with_base", base_url) if base_url else "deny")
    except ValueError:  # an address that we read and its URL parser does not
        return build("deny")


def _is_cheap(html: str) -> bool:
    tags, formatting = len(_ANY_TAG.findall(html)), len(_FORMATTING.findall(html))
    return tags <= MAX_TAGS and tags * formatting <= MAX_REOPENED


def _is_modest(html: str) -> bool:
    depth = deepest = 0
    for tag in re.findall(r"</?[a-z]", html.replace("<br>", "")):
        depth += -1 if tag.startswith("</") else 1
        deepest = max(deepest, depth)
    return deepest <= MAX_DEPTH and len(html) <= MAX_HTML


def _is_settled(html: str) -> bool:
    """Whether another pass would surely change nothing: so it is with most articles after the first."""
    if len(html) > MAX_HTML or "  " in html or not _SETTLED.fullmatch(html):
        return False
    return not _EMPTY.search(html) and tidy(html) == html


def _sanitised(cleaner: nh3.Cleaner, html: str) -> str:
    """One pass: parse and filter, then turn what mails do not need into paragraphs. The next pass mends the nesting."""
    html = _BARE_TAG.sub(lambda tag: _TOKENS.get(tag.group(), tag.group()), cleaner.clean(tidy(html)))
    html = _one_spaced(_LINK_TO_NOWHERE.sub(r"\1", html))
    if "<br>" in html:
        html = _BREAKS.sub("</p><p>", html)
    return _EMPTY.sub(" ", _without_edge_breaks(html))


def _one_spaced(html: str) -> str:
    """White space as HTML counts it, each run as one space. (A pattern that stops at each space takes far longer.)"""
    html = html.replace("\n", " ").replace("\t", " ").replace("\f", " ")
    return re.sub(" {2,}", " ", html) if "  " in html else html


def _without_edge_breaks(html: str) -> str:
    """Without white space and breaks where a block begins or ends."""
    parts = _CLOSED.split(_OPENED.sub(r"\1", html))
    for number in range(0, len(parts) - 1, 2):
        part = parts[number].rstrip()
        while part.endswith("<br>"):
            part = part[:-4].rstrip()
        parts[number] = part
    return "".join(parts)


def _in_blocks(html: str) -> str:
    """Everything that stands outside a block in a paragraph of its own."""
    done: list[str] = []
    loose: list[str] = []
    depth = 0
    for part in _TAG.split(html):
        block = _BLOCK.fullmatch(part)
        if block and not depth and loose:
            done.append(_paragraph("".join(loose)))
            loose = []
        if block:
            depth = max(0, depth + (-1 if part.startswith("</") else 1))
        (done if block or depth else loose).append(part)
    return "".join([*done, _paragraph("".join(loose))])


def _paragraph(inner: str) -> str:
    inner = _BREAKS_AROUND.sub("", inner)
    return f"<p>{inner}</p>" if inner else ""


def _as_paragraphs(text: str) -> str:
    kept, size = [], 0
    for part in re.split(r"\n\s*\n", text):
        paragraph = f"<p>{entities.escape(' '.join(part.split()), quote=False)}</p>"
        size += len(paragraph)
        if size > MAX_HTML:
            break
        kept.append(paragraph)
    return "".join(kept).replace("<p></p>", "")


def _without_tags(html: str) -> str:
    """The text of `html` in one pass over it, for what no parser should be given."""
    kept, skipping = [], False
    for number, part in enumerate(html.split("<")):
        tag, closed, text = part.partition(">") if number else ("", ">", part)
        name = re.match(r"/?[a-zA-Z]*", tag).group().lower()  # type: ignore[union-attr]
        skipping = name in {"script", "style"} or (skipping and name not in {"/script", "/style"})
        if closed and not skipping:
            kept.append(text)
    return tidy(entities.unescape("\n\n".join(kept)))
