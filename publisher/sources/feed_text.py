"""A feed's bytes as text: which encoding it is in, whatever is said about that, and without what no XML may contain."""

from __future__ import annotations

import codecs
import re

# RFC 7303 §3.3: a byte order mark outweighs whatever is declared. The longer ones first: they begin like the shorter.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# XML 1.0, appendix F: how “<?xm” (for JSON “{"”, RFC 8259) begins where one letter is not one ASCII byte.
_BEGINNINGS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
    (b"\x4c\x6f\xa7\x94", "cp037"),
)
_IN_HEADER = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_IN_DECLARATION = re.compile(rb"\s*+<\?xml[^>]{0,200}?encoding=[\"']([\w.:-]{1,40})")
# Python's codecs that are no character sets, or take the square of the text's length.
_NO_CHARSETS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7", "mbcs"})
# A page that says Latin-1 means Windows-1252 (WHATWG Encoding §4.2).
_LATIN_1 = frozenset({"iso8859-1", "ascii"})
# XML 1.0 §2.2 allows none of these; they come with text pasted from Word.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text_of(body: bytes, content_type: str) -> str:
    """`body` as text. Bytes that are UTF-8 are UTF-8, also where header or declaration say something else.

    Nothing makes it fail: what no encoding explains is read as Windows-1252 with gaps.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _allowed(body[len(mark) :].decode(encoding, "replace"))
    for beginning, encoding in _BEGINNINGS:
        if body.startswith(beginning):
            return _allowed(body.decode(encoding, "replace"))
    header, declaration = _IN_HEADER.search(content_type), _IN_DECLARATION.match(body)
    declared = [header[1] if header else "", declaration[1].decode("ascii", "replace") if declaration else ""]
    for encoding in ("utf-8", *filter(None, map(_charset, declared))):
        try:
            return _allowed(body.decode(encoding))
        except UnicodeError:
            continue
    return _allowed(body.decode("cp1252", "replace"))


def _charset(name: str) -> str:
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    if found.name in _NO_CHARSETS or not found._is_text_encoding:
        return ""
    return "cp1252" if found.name in _LATIN_1 else found.name


def _allowed(text: str) -> str:
    return _NOT_IN_XML.sub("", text) if _NOT_IN_XML.search(text) else text
