"""Picture texts of Media RSS, kept where they belong.

feedparser takes a picture's media:description for the description of the news item itself (and, depending on the order
of elements, the item's own description for content). So before it reads a feed, each media:content element gets the
texts it contains as attributes `alt`, `title` and `credit`.
"""

from __future__ import annotations

import io
from typing import Any
from xml import sax
from xml.sax.handler import feature_external_ges, feature_namespaces
from xml.sax.saxutils import XMLFilterBase, XMLGenerator
from xml.sax.xmlreader import AttributesNSImpl, InputSource

_Name = tuple[str | None, str]
_MEDIA_RSS = ("http://search.yahoo.com/mrss/", "http://search.yahoo.com/mrss")
_CONTENT = frozenset((space, "content") for space in _MEDIA_RSS)
_TEXTS: dict[_Name, str] = {
    (space, element): attribute
    for space in _MEDIA_RSS
    for element, attribute in (("description", "alt"), ("title", "title"), ("credit", "credit"))
}


def with_picture_texts(body: bytes, charset: str) -> bytes | None:
    """The feed as UTF-8 with picture texts as attributes; None if there are none or it is not well-formed XML.

    `charset` is what the HTTP header says, "" if nothing. A feed with a DOCTYPE is left alone: it may define letters.
    """
    if _MEDIA_RSS[1].encode() not in body or b":description" not in body or b"<!DOCTYPE" in body:
        return None
    source = InputSource()
    source.setByteStream(io.BytesIO(body))
    if charset:
        source.setEncoding(charset)
    rewritten = io.BytesIO()
    try:
        # Entities are refused before (feed_entries), so expat has nothing to expand.
        reader = _PictureTexts(sax.make_parser())  # noqa: S317
        reader.setFeature(feature_namespaces, True)
        reader.setFeature(feature_external_ges, False)
        reader.setContentHandler(XMLGenerator(rewritten, "utf-8"))
        reader.parse(source)
    except (sax.SAXException, LookupError, ValueError):
        return None
    return rewritten.getvalue()


class _PictureTexts(XMLFilterBase):
    """Holds each media:content back until its end, when its texts are known."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._held: tuple[_Name, str | None, dict[_Name, str]] | None = None
        self._inside: list[tuple[str, tuple[Any, ...]]] = []
        self._reading: _Name | None = None

    def startElementNS(self, name: _Name, qname: str | None, attrs: Any) -> None:  # noqa: N802
        if self._held is None and name in _CONTENT:
            self._held = (name, qname, dict(attrs.items()))
        elif self._held and name in _TEXTS:
            self._reading = name
        else:
            self._pass_on("startElementNS", name, qname, attrs)

    def characters(self, content: str) -> None:
        if self._held and self._reading:
            attributes = self._held[2]
            key: _Name = (None, _TEXTS[self._reading])
            attributes[key] = attributes.get(key, "") + content
        else:
            self._pass_on("characters", content)

    def endElementNS(self, name: _Name, qname: str | None) -> None:  # noqa: N802
        if self._held and name == self._held[0]:
            self._release()
        elif self._held and name == self._reading:
            self._reading = None
        else:
            self._pass_on("endElementNS", name, qname)

    def _pass_on(self, event: str, *values: Any) -> None:
        if self._held:
            self._inside.append((event, values))
        else:
            getattr(super(), event)(*values)

    def _release(self) -> None:
        if self._held is None:
            return
        (name, qname, attributes), inside = self._held, self._inside
        self._held, self._inside, self._reading = None, [], None
        super().startElementNS(name, qname, AttributesNSImpl(attributes, {}))
        for event, values in inside:
            getattr(super(), event)(*values)
        super().endElementNS(name, qname)
