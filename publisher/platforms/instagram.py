"""Publishes to professional Instagram accounts (developers.facebook.com: Instagram Platform, content publishing).

Every post needs a picture, which Instagram fetches from us. What is prepared is a container; there is no more than one
post of a container, which is why a lost answer can be cleared up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher import http
from publisher.errors import AccountError, PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.addresses import origin
from publisher.platforms.contract import Figures, Missing, PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, with_link
from publisher.platforms.meta_access import check_scopes, own_scopes, warnings_of
from publisher.platforms.meta_containers import (
    CONTAINER_KEPT,
    SAMPLE_LOOKS,
    Container,
    check_fetchable,
    check_quota,
    public_address,
    publish_once,
    renewal_of,
    renewed_token,
    wait_until_ready,
)
from publisher.platforms.meta_graph import graph_url, measured, moment_of, number, send
from publisher.platforms.meta_replies import GONE, PERMISSION, named_object_of, object_of, pages_of, rows_of, unhurried
from publisher.platforms.meta_shown import instagram_code, listed_row, oldest_like, shown_row
from publisher.platforms.meta_sign_in import INSTAGRAM_NEEDED, SEE_THAT_IT_IS_LIVE, InstagramSignIn, instagram_profile
from publisher.platforms.post_address import Shown, place_in
from publisher.platforms.replies import identity_of, public_url
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

OWN_GRAPH = "https://graph.instagram.com"
COMMENTS, INSIGHTS = "instagram_manage_comments", "instagram_manage_insights"
WANTED = {
    COMMENTS: gettext_noop(
        "The permission instagram_manage_comments is missing, so there can be no first comment. Connect the account "
        "again and say yes to it if you want one."
    ),
    INSIGHTS: gettext_noop(
        "The permission instagram_manage_insights is missing, so views and shares are not counted. Connect the account "
        "again and say yes to it if you want them."
    ),
}
MAX_HASHTAGS, MAX_MENTIONS = 30, 20
_HASHTAG, _MENTION = re.compile(r"(?<![\w&])#\w+"), re.compile(r"(?<![\w.])@\w[\w.]*")
_LISTED = "id,caption,timestamp,permalink"
_ONLY_IN_THE_APP = _("Instagram lets no program change or delete posts: do that in the Instagram app.")


@dataclass(frozen=True)
class InstagramConfig:
    """The access of the account's Facebook Page, or the account's own (Instagram Login), which lasts 60 days."""

    access_token: str = field(
        repr=False,
        metadata={
            "label": _("Access token"),
            "secret": True,
            "help": _("Of the Facebook Page that the account belongs to, or the account's own."),
        },
    )
    account_id: str = field(default="", metadata={"label": _("Account"), "hidden": True})
    scopes: str = field(default="", metadata={"label": _("Permissions"), "hidden": True})
    ends_at: str = field(default="", metadata={"label": _("Access until"), "hidden": True})

    @property
    def is_own(self) -> bool:
        """Whether it is the account's own access (Instagram Login), which is called at another address."""
        return self.access_token.startswith("IG")


class InstagramPlatform(Platform):
    """One picture is one container, several are children of one; `poll_waits_s`: the pauses in which it gets ready."""

    kind = "instagram"
    one_at_a_time = True
    handle_example = "@koegebib"
    address_example = "instagram.com/p/C9xYz12AbCd"
    label = "Instagram"
    words = Words(there=pgettext_lazy("Publish …", "on your Instagram account"), once_connected=SEE_THAT_IT_IS_LIVE)
    config_class = InstagramConfig
    # No card ever takes the picture's place.
    picture_and_card = True
    sign_in = InstagramSignIn()

    def __init__(self, poll_waits_s: tuple[float, ...] = (1, 2, 4, 8, 15, 30, 60, 60)) -> None:
        self._poll_waits_s = poll_waits_s

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """A first comment and views as far as the permissions go; nothing can be changed or taken down."""
        scopes = facts.get("scopes")
        comments = scopes is None or COMMENTS in scopes
        counted = scopes is None or INSIGHTS in scopes
        return Abilities(
            follow_up=FollowUp.COMMENT if comments else FollowUp.NONE,
            link_card=LinkCard.NONE,
            edit_note=_ONLY_IN_THE_APP,
            delete_note=_ONLY_IN_THE_APP,
            clickable_links=False,
            needs_picture=True,
            fetches_pictures=True,
            figures=("likes", "reposts", "replies", "views") if counted else ("likes", "replies"),
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """JPEG alone, between 4:5 and 1.91:1."""
        return Limits(
            text=2200,
            pictures=10,
            alt_text=1000,
            picture_bytes=8_000_000,
            picture_types=("image/jpeg",),
            picture_side=1440,
            picture_aspects=(0.8, 1.91),
        )

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """UTF-16 units, the most that any way of counting gives: Instagram does not say how it counts."""
        return len(text.encode("utf-16-le")) // 2

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """As long as the container lives: `commit` looks at it first, and one that is published is only looked up."""
        return CONTAINER_KEPT

    def repeats_safely(self, facts: Mapping[str, Any], post: Post) -> bool:
        """Comments have no container."""
        return not post.reply_to

    def verify(self, config: InstagramConfig) -> Profile:
        """Whose token it is, and what it may do. Raises AccountError for what is no professional account."""
        account = self._account(config)
        account_id = str(account.get("user_id") or identity_of(account))
        scopes = None if config.is_own else own_scopes(self.kind, config.access_token, config.scopes, account_id)
        check_scopes(scopes, INSTAGRAM_NEEDED)
        facts = {"account_id": account_id, "scopes": scopes}
        return instagram_profile(account, facts, warnings_of(scopes, WANTED))

    def check_pictures(self, config: InstagramConfig, facts: Mapping[str, Any], url: str) -> None:
        """Have Instagram fetch a picture from `url`, for a container that nobody publishes."""
        asked = {"image_url": url}
        waits_s = self._poll_waits_s[:SAMPLE_LOOKS]
        check_fetchable(url, lambda: self._ready(config, [self._container(config, facts, asked)], waits_s))

    def prepare(self, config: InstagramConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Make the container and wait until Instagram has fetched the pictures."""
        check_fits(post, length=self.length(_caption(post), facts), limits=self.limits(facts))
        _check_marks(_caption(post))
        if post.reply_to:
            return {}
        if not post.pictures:
            raise PermanentError(gettext_noop("Instagram takes no post without a picture."), reason=Reason.REJECTED)
        used = rows_of(self._call(config, "GET", f"{_at(config, facts)}/content_publishing_limit", params=_QUOTA))
        check_quota(used, "quota_usage", "config")
        if len(post.pictures) == 1:
            container = self._container(config, facts, _picture(post.pictures[0]) | {"caption": _caption(post)})
        else:
            children = [
                self._container(config, facts, _picture(each) | {"is_carousel_item": True}) for each in post.pictures
            ]
            self._ready(config, children)
            carousel = {"media_type": "CAROUSEL", "children": ",".join(children), "caption": _caption(post)}
            container = self._container(config, facts, carousel)
        self._ready(config, [container])
        return {"container": container}

    def commit(
        self, config: InstagramConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Publish the container, or write the comment."""
        if post.reply_to:
            path = f"{_quoted(post.reply_to)}/comments"
            reply = self._call(config, "POST", path, commit=True, json={"message": _caption(post)})
            return Published(identity_of(named_object_of(reply, committing=True)))
        container = str(prepared.get("container", ""))

        def publish() -> Published:
            path, asked = f"{_at(config, facts)}/media_publish", {"creation_id": container}
            reply = self._call(config, "POST", path, commit=True, json=asked)
            return Published(identity_of(named_object_of(reply, committing=True)))

        found = self._look(config, container)
        return publish_once(found, publish, lambda: self._listed(config, facts, post, post.planned_at))

    def confirm(self, config: InstagramConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the post's own address; a comment has none."""
        path = _quoted(published.remote_id)
        try:
            row = named_object_of(self._call(config, "GET", path, params={"fields": "id,permalink"}))
        except PermanentError as error:
            if error.reason == GONE:
                raise
            row = named_object_of(self._call(config, "GET", path, params={"fields": "id,text"}))
        return Published(identity_of(row), public_url(row.get("permalink")) or published.permalink)

    def find(
        self, config: InstagramConfig, facts: Mapping[str, Any], post: Post, since: datetime
    ) -> Published | Missing:
        """Compare the account's own posts (or a post's comments) with the frozen text; the oldest is ours."""
        if not post.reply_to:
            return self._listed(config, facts, post, since)
        asked = {"fields": "id,text,timestamp", "limit": "50"}
        path = f"{_quoted(post.reply_to)}/comments"
        found = self._matching(config, path, asked, "text", post, since)
        return found if isinstance(found, Missing) else Published(identity_of(found))

    def remote_id_of(self, address: str, config: InstagramConfig, facts: Mapping[str, Any]) -> str:
        """The short code, of which the id cannot be told."""
        place = place_in(address)
        code = instagram_code(place) if place and place.on(self.kind, "instagram.com") else ""
        if not code:
            raise self.no_post_address(address)
        return code

    def shown(
        self, config: InstagramConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime
    ) -> Shown:
        """Look for the code among the account's own posts."""
        path, asked = f"{_at(config, facts)}/media", {"fields": _LISTED, "limit": "50"}
        pages = pages_of(lambda page: self._call(config, "GET", path, params={**asked, **page}))
        row = listed_row(pages, "permalink", named, instagram_code)
        return shown_row(row, address="permalink", text="caption", at="timestamp")

    def figures(
        self, config: InstagramConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]
    ) -> dict[str, Figures]:
        """Likes and comments; shares and views where the permission for insights is there."""
        found = {}
        for remote_id in remote_ids:
            asked = {"fields": "id,like_count,comments_count"}
            try:
                row = object_of(unhurried(self._call(config, "GET", _quoted(remote_id), params=asked)))
            except PermanentError as error:
                if error.reason != GONE:
                    raise
                continue
            seen = self._insights(config, remote_id) if "views" in self.abilities(facts).figures else {}
            found[remote_id] = Figures(
                likes=number(row.get("like_count")),
                replies=number(row.get("comments_count")),
                reposts=seen.get("shares"),
                views=seen.get("views"),
            )
        return found

    def renew_at(self, config: InstagramConfig) -> datetime | None:
        """The account's own access halfway through its 60 days; that of a Page needs no renewal."""
        return renewal_of(config.ends_at) if config.is_own else None

    def lasts_until(self, config: InstagramConfig) -> datetime | None:
        """When the access ends: our permission to use the Page's (90 days), or the account's own."""
        return moment_of(config.ends_at)

    def renew(self, config: InstagramConfig, app: Any) -> Mapping[str, Any] | None:
        """Another 60 days for the account's own access."""
        if not config.is_own:
            return super().renew(config, app)
        asked = {"grant_type": "ig_refresh_token", "access_token": config.access_token}
        url = f"{origin(self.kind, OWN_GRAPH)}/refresh_access_token"
        return renewed_token(http.send("GET", url, params=asked), datetime.now(UTC))

    def _account(self, config: InstagramConfig) -> dict[str, Any]:
        who = "id,username,name,profile_picture_url"
        if config.is_own:
            return named_object_of(self._call(config, "GET", "me", params={"fields": f"{who},user_id"}))
        account_id = config.account_id
        if not account_id:
            page = object_of(self._call(config, "GET", "me", params={"fields": "id,instagram_business_account"}))
            linked = page.get("instagram_business_account")
            account_id = identity_of(linked) if isinstance(linked, dict) else ""
        if not account_id:
            words = gettext_noop(
                "No professional Instagram account belongs to this Page. Connect the two in Instagram."
            )
            raise AccountError(words, reason=Reason.ACCOUNT)
        return named_object_of(self._call(config, "GET", _quoted(account_id), params={"fields": who}))

    def _container(self, config: InstagramConfig, facts: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
        filled = {name: value for name, value in asked.items() if value}
        return identity_of(named_object_of(self._call(config, "POST", f"{_at(config, facts)}/media", json=filled)))

    def _ready(
        self, config: InstagramConfig, containers: Sequence[str], waits_s: Sequence[float] | None = None
    ) -> None:
        waits_s = self._poll_waits_s if waits_s is None else waits_s
        wait_until_ready(lambda each: self._look(config, each), containers, waits_s)

    def _look(self, config: InstagramConfig, container: str) -> Container:
        asked = {"fields": "id,status_code,status"}
        row = object_of(self._call(config, "GET", _quoted(container or "0"), params=asked))
        return Container(str(row.get("status_code", "")), str(row.get("status", "")))

    def _listed(
        self, config: InstagramConfig, facts: Mapping[str, Any], post: Post, since: datetime
    ) -> Published | Missing:
        asked = {"fields": _LISTED, "limit": "50"}
        found = self._matching(config, f"{_at(config, facts)}/media", asked, "caption", post, since)
        if isinstance(found, Missing):
            return found
        return Published(identity_of(found), public_url(found.get("permalink")))

    def _matching(
        self, config: InstagramConfig, path: str, asked: Mapping[str, str], words: str, post: Post, since: datetime
    ) -> Mapping[str, Any] | Missing:
        """The oldest row of a list that says what the post says."""
        pages = pages_of(lambda page: self._call(config, "GET", path, params={**asked, **page}))
        return oldest_like(pages, words, _caption(post), post, since)

    def _insights(self, config: InstagramConfig, remote_id: str) -> dict[str, int]:
        try:
            path, asked = f"{_quoted(remote_id)}/insights", {"metric": "views,shares"}
            return measured(rows_of(unhurried(self._call(config, "GET", path, params=asked))))
        except PermanentError:
            return {}
        except AccountError as error:
            if error.reason != PERMISSION:
                raise
            return {}

    def _call(
        self, config: InstagramConfig, method: str, path: str, *, commit: bool = False, **content: Any
    ) -> http.Reply:
        usual = OWN_GRAPH if config.is_own else "https://graph.facebook.com"
        return send(method, graph_url(self.kind, path, usual), config.access_token, commit=commit, **content)


_QUOTA = {"fields": "quota_usage,config"}


def _caption(post: Post) -> str:
    """With the link, where staff want it to stand there for people to read: Instagram makes no links of addresses."""
    return with_link(post.text, post.link)


def _picture(picture: PictureFile) -> dict[str, Any]:
    return {"image_url": public_address(picture), "alt_text": picture.alt}


def _check_marks(caption: str) -> None:
    """Instagram refuses more. Raises PermanentError."""
    for found, limit, words in (
        (_HASHTAG.findall(caption), MAX_HASHTAGS, gettext_noop("The text has %(count)s hashtags; Instagram takes 30.")),
        (_MENTION.findall(caption), MAX_MENTIONS, gettext_noop("The text has %(count)s @names; Instagram takes 20.")),
    ):
        if len(found) > limit:
            raise PermanentError(words, reason=Reason.REJECTED, count=len(found))


def _at(config: InstagramConfig, facts: Mapping[str, Any]) -> str:
    return _quoted(config.account_id or str(facts.get("account_id") or "me"))


def _quoted(identity: str) -> str:
    """An opaque id as one segment of a path."""
    return quote(identity, safe="")
