"""Previews of posts: where the link stands is the platform's own way."""

from __future__ import annotations

import pytest

from publisher.items.pictures import store_picture
from publisher.models import Account, Item
from publisher.web.previews import preview
from tests.compose.conftest import ALT, picture_of
from tests.review.send_outs import post_of, send_out

pytestmark = pytest.mark.database


@pytest.mark.parametrize("with_picture", [False, True], ids=["without a picture", "with a picture"])
@pytest.mark.parametrize(("kind", "in_text"), [("practice", False), ("mastodon", True)])
def test_no_link_is_lost(item: Item, kind: str, in_text: bool, with_picture: bool) -> None:
    if with_picture:
        item.picture = store_picture(item.organisation, picture_of(), alt=ALT)
        item.save()
    account = Account.objects.create(organisation=item.organisation, kind=kind, name="K", handle="@k")
    drawn = preview(post_of(send_out(item, None, account))).post
    assert drawn
    assert (item.link in drawn["text"]) == in_text
    assert bool(drawn["card"]) == (not (in_text and with_picture))
