"""Guards before MJML is rendered: nothing so deep or large that it ends the process, nothing but known tags.

mjml-python 1.4.2 recurses without bound (a deep document ends the process, not the call), takes unknown tags and
wrong nesting without a word and copies scripts. So all is counted and checked with html.parser, which does not recurse.
"""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from django.utils.translation import gettext_noop

from publisher.errors import InputError, PermanentError
from publisher.vocabulary import HoldReason

MAX_DEPTH = 60
MAX_BYTES = 500_000

_VOID = frozenset({"br", "hr", "img", "meta"})
# A browser ends these by itself, so that they stand side by side where the source seems to nest them.
_END_BY_THEMSELVES = frozenset({"p", "li", "td", "th", "tr", "dt", "dd", "option"})
_IN_COLUMN = ("mj-text", "mj-image", "mj-divider", "mj-spacer")
# Where each MJML tag may stand; only these exist for our templates.
_PARENTS: dict[str, frozenset[str]] = {
    "mjml": frozenset({""}),
    **dict.fromkeys(("mj-head", "mj-body"), frozenset({"mjml"})),
    **dict.fromkeys(("mj-title", "mj-preview", "mj-attributes", "mj-style", "mj-raw"), frozenset({"mj-head"})),
    "mj-all": frozenset({"mj-attributes"}),
    "mj-section": frozenset({"mj-body", "mj-attributes"}),
    "mj-column": frozenset({"mj-section", "mj-attributes"}),
    **dict.fromkeys(_IN_COLUMN, frozenset({"mj-column", "mj-attributes"})),
}
_HTML = frozenset("a b blockquote br div em h1 h2 h3 h4 i li meta ol p span strong u ul".split())  # noqa: SIM905
_HTML_PARENTS = _HTML | {"mj-text", "mj-raw"}


class _DepthCounter(HTMLParser):
    """Counts how many elements are open at once, never fewer than a browser would."""

    def __init__(self) -> None:
        super().__init__()
        self.open: Counter[str] = Counter()
        self.depth = self.deepest = 0

    def set_cdata_mode(self, elem: str, **kwargs: object) -> None:
        """Look into scripts and styles, too: inside an SVG their content is elements."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID and tag not in _END_BY_THEMSELVES:
            self.open[tag] += 1
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def handle_endtag(self, tag: str) -> None:
        if self.open[tag]:
            self.open[tag] -= 1
            self.depth -= 1


def check_piece(html: str, title: str) -> None:
    """Refuse a text that is too large or too deeply nested to be worked on.

    Raises InputError, naming the story by its `title`.
    """
    if len(html.encode("utf-8", "replace")) <= MAX_BYTES:
        counter = _DepthCounter()
        counter.feed(html)
        if counter.deepest <= MAX_DEPTH:
            return
    raise InputError(
        gettext_noop(
            "“%(title)s” is too long for a mail, or its formatting is nested too deeply. Shorten it, or paste it again "
            "as plain text."
        ),
        reason=HoldReason.CANNOT_COMPOSE,
        title=title,
    )


class _Lint(HTMLParser):
    """Reads MJML as strictly as an XML parser would, and knows which tags may stand where.

    The only comment allowed is `seam`, and only between sections: so what is cut there are whole sections.
    """

    def __init__(self, seam: str) -> None:
        super().__init__()
        self.seam = seam
        self.path: list[str] = []

    def set_cdata_mode(self, elem: str, **kwargs: object) -> None:
        """There is no text to skip: `script` and `style` are refused like any unknown tag."""

    def fail(self, problem: str) -> None:
        line, column = self.getpos()
        raise template_fault(f"{problem} (line {line}, column {column})")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in _VOID:
            self.path.append(tag)
            if len(self.path) > MAX_DEPTH:
                self.fail(f"nested deeper than {MAX_DEPTH}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self.path[-1] if self.path else ""
        if parent not in (_HTML_PARENTS if tag in _HTML else _PARENTS.get(tag, ())):
            self.fail(f"<{tag}> may not stand in <{parent}>")
        names = [name for name, _value in attrs]
        if any(name.startswith("on") for name in names) or len(set(names)) < len(names):
            self.fail(f"<{tag}> has a script or the same attribute twice")
        if tag == "mj-image" and parent == "mj-column" and "alt" not in names:
            self.fail("a picture has no alt")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.path or self.path.pop() != tag:
            self.fail(f"</{tag}> ends what was not begun")

    def handle_decl(self, decl: str) -> None:
        self.fail("declarations are not allowed")

    def unknown_decl(self, data: str) -> None:
        self.fail("CDATA is not allowed")

    def handle_pi(self, data: str) -> None:
        self.fail("processing instructions are not allowed")

    def handle_comment(self, data: str) -> None:
        if f"<!--{data}-->" != self.seam or self.path[-1:] != ["mj-body"]:
            self.fail("comments are not allowed")


def template_fault(problem: str) -> PermanentError:
    """The template, not the content, is wrong; `problem` is technical and stays English."""
    return PermanentError(
        gettext_noop("The newsletter's template is faulty: %(problem)s. Tell whoever looks after Opslag."),
        reason=HoldReason.CANNOT_COMPOSE,
        problem=problem,
    )


def check_source(mjml: str, seam: str = "") -> None:
    """Refuse MJML that the renderer could not take; `seam` is the comment at which it will be cut.

    Raises InputError if there is too much of it, PermanentError for anything that our templates must not contain.
    """
    size = len(mjml.encode())
    if size > MAX_BYTES:
        raise InputError(
            gettext_noop(
                "The newsletter is too large (%(size)s kB; %(limit)s kB is the most). Leave out some stories."
            ),
            reason=HoldReason.CANNOT_COMPOSE,
            size=-(-size // 1000),
            limit=MAX_BYTES // 1000,
        )
    lint = _Lint(seam)
    lint.feed(mjml)
    lint.close()
    if lint.path:
        lint.fail(f"<{lint.path[-1]}> is not ended")
