"""What Opslag writes in a post by itself."""

from __future__ import annotations

from publisher.compose.post_text import made_of, news_of
from publisher.models import Account, Item


def text_of(item: Item, account: Account) -> str:
    """The text of a post about the item, in a send-out called after it."""
    return made_of(news_of(item, account), account, item.title).text
