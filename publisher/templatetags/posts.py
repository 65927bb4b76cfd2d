"""The text of a post as platforms draw it: links, tags and names stand out, nothing else is markup."""

from __future__ import annotations

import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from publisher.platforms import PLATFORMS

register = template.Library()

# Trailing punctuation belongs to the sentence, not to the address.
LIVELY = re.compile(r"(https?://[^\s<>\"]*[^\s<>.,;:!?)»”\"'])|(?<!\w)(#\w+|@\w[\w.-]*\w(?:@[\w-]+(?:\.[\w-]+)+)?)")


def _piece(match: re.Match[str], kind: str, *, clickable: bool) -> SafeString:
    address, name = match.groups()
    platform = PLATFORMS.get(kind)
    shown = platform.short_address(address) if address and platform else address
    if address and clickable:
        return format_html('<a href="{}" rel="nofollow noopener">{}</a>', address, shown)
    return format_html("<span>{}</span>", shown or name)


@register.simple_tag
def post_text(text: str, kind: str = "", live: object = False) -> SafeString:
    """Escape a post's text and colour its links, tags and names; addresses as short as the platform `kind` shows them.

    With `live` addresses are real links.
    """
    result, end = SafeString(""), 0
    for match in LIVELY.finditer(text):
        result += format_html("{}{}", text[end : match.start()], _piece(match, kind, clickable=bool(live)))
        end = match.end()
    return result + format_html("{}", text[end:])
