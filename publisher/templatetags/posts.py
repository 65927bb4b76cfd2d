"""The text of a post as platforms draw it: links, tags and names stand out, nothing else is markup."""

from __future__ import annotations

import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# Trailing punctuation belongs to the sentence, not to the address.
LIVELY = re.compile(r"(https?://[^\s<>\"]*[^\s<>.,;:!?)»”\"'])|(?<!\w)(#\w+|@\w[\w.-]*\w(?:@[\w-]+(?:\.[\w-]+)+)?)")


def _piece(match: re.Match[str], *, clickable: bool) -> SafeString:
    address, name = match.groups()
    if address and clickable:
        return format_html('<a href="{}" rel="nofollow noopener">{}</a>', address, address)
    return format_html("<span>{}</span>", address or name)


@register.filter
def post_text(text: str, clickable: str = "") -> SafeString:
    """Escape a post's text and colour its links, tags and names; `post_text:"links"` makes addresses real links."""
    result, end = SafeString(""), 0
    for match in LIVELY.finditer(text):
        result += format_html("{}{}", text[end : match.start()], _piece(match, clickable=clickable == "links"))
        end = match.end()
    return result + format_html("{}", text[end:])
