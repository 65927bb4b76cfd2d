"""Publishes to Facebook Pages (developers.facebook.com: Graph API, Pages API, Page/feed, Page/photos, Post)."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from publisher import http
from publisher.errors import AccountError, PermanentError
from publisher.platforms.abilities import Abilities, FollowUp, Limits, LinkCard
from publisher.platforms.contract import Figures, Missing, PictureFile, Platform, Post, Profile, Published
from publisher.platforms.length import check_fits, with_link
from publisher.platforms.meta_access import MAY_PUBLISH, check_scopes, own_scopes, warnings_of
from publisher.platforms.meta_graph import WWW, graph_url, measured, moment_of, number, same_words, send, since_then
from publisher.platforms.meta_replies import GONE, PERMISSION, named_object_of, object_of, pages_of, rows_of, unhurried
from publisher.platforms.meta_shown import facebook_code, listed_row, shown_row
from publisher.platforms.meta_sign_in import (
    FACEBOOK_NEEDED,
    NO_ROLE,
    PAGE_NOT_FOUND,
    SEE_THAT_IT_IS_LIVE,
    FacebookSignIn,
    page_profile,
)
from publisher.platforms.post_address import Shown, place_in
from publisher.platforms.replies import identity_of, public_url
from publisher.platforms.words import Words
from publisher.vocabulary import Reason

COMMENTS, INSIGHTS = "pages_manage_engagement", "read_insights"
WANTED = {
    COMMENTS: gettext_noop(
        "The permission pages_manage_engagement is missing, so there can be no first comment. Connect the Page again "
        "and say yes to it if you want one."
    ),
    INSIGHTS: gettext_noop(
        "The permission read_insights is missing, so views are not counted. Connect the Page again and say yes to it "
        "if you want them."
    ),
}
_COUNTED = "shares,reactions.summary(total_count).limit(0),comments.summary(total_count).limit(0)"
_SHOWN = {"address": "permalink_url", "text": "message", "at": "created_time"}
_NOT_A_PAGE = "node type (User)"


@dataclass(frozen=True)
class FacebookConfig:
    """The Page's own access, which lasts until somebody takes it back; the rest is known where a person signed in."""

    access_token: str = field(
        repr=False,
        metadata={"label": _("Page access token"), "secret": True, "help": _("The Page's own, not a person's.")},
    )
    page_id: str = field(default="", metadata={"label": _("Page"), "hidden": True})
    tasks: str = field(default="", metadata={"label": _("Role"), "hidden": True})
    scopes: str = field(default="", metadata={"label": _("Permissions"), "hidden": True})
    data_access_until: str = field(default="", metadata={"label": _("Access until"), "hidden": True})


class FacebookPlatform(Platform):
    """A post is one entry of the Page's feed; pictures are uploaded before it, unseen."""

    kind = "facebook"
    label = _("Facebook Page")
    name = "Facebook"
    words = Words(there=pgettext_lazy("Publish …", "on your Facebook Page"), once_connected=SEE_THAT_IT_IS_LIVE)
    config_class = FacebookConfig
    # The link has a field of its own, which Facebook does not look at beside pictures: there it joins the text.
    link_in_text = False
    sign_in = FacebookSignIn()
    address_example = "facebook.com/koegebib/posts/122123456789"

    def abilities(self, facts: Mapping[str, Any]) -> Abilities:
        """A first comment and views as far as the permissions go."""
        scopes = facts.get("scopes")
        comments = scopes is None or COMMENTS in scopes
        views = scopes is None or INSIGHTS in scopes
        return Abilities(
            follow_up=FollowUp.COMMENT if comments else FollowUp.NONE,
            link_card=LinkCard.THEIRS,
            edits=True,
            deletes=True,
            edit_note=_(
                "On Facebook the text changes; pictures and the link's card stay. Only posts that Opslag published can "
                "be changed from here."
            ),
            figures=("likes", "reposts", "replies", "views") if views else ("likes", "reposts", "replies"),
        )

    def limits(self, facts: Mapping[str, Any]) -> Limits:
        """63,206 characters are what is said everywhere and confirmed nowhere; over 4 MB a photo may be refused."""
        return Limits(text=63_206, pictures=10, alt_text=1000, picture_bytes=4_000_000, picture_side=2048)

    def length(self, text: str, facts: Mapping[str, Any]) -> int:
        """UTF-16 units, the most that any way of counting gives: Facebook does not say how it counts."""
        return len(text.encode("utf-16-le")) // 2

    def repeat_safe_for(self, facts: Mapping[str, Any]) -> timedelta:
        """Not at all: Facebook knows no keys."""
        return timedelta(0)

    def verify(self, config: FacebookConfig) -> Profile:
        """Whose token it is, and what it may do. Raises AccountError for what is not a Page that we may publish on."""
        page = self._page(config)
        page_id = identity_of(page)
        scopes = own_scopes(self.kind, config.access_token, config.scopes, page_id)
        check_scopes(scopes, FACEBOOK_NEEDED)
        tasks = config.tasks.split()
        if tasks and not MAY_PUBLISH & set(tasks):
            raise AccountError(NO_ROLE, reason=PERMISSION, pages=page.get("name", ""))
        facts = {"page_id": page_id, "scopes": scopes, "tasks": tasks}
        return page_profile(page, facts=facts, warnings=warnings_of(scopes, WANTED))

    def prepare(self, config: FacebookConfig, facts: Mapping[str, Any], post: Post) -> dict[str, Any]:
        """Upload the pictures unpublished, each with its description; Facebook keeps them for a day."""
        check_fits(post, length=self.length(_message(post) or post.link, facts), limits=self.limits(facts))
        if post.reply_to:
            return {}
        return {"photos": [self._upload(config, picture) for picture in post.pictures]}

    def commit(
        self, config: FacebookConfig, facts: Mapping[str, Any], post: Post, prepared: Mapping[str, Any]
    ) -> Published:
        """Create the entry, or the comment beneath one. Never scheduled: the hour is ours to keep."""
        if post.reply_to:
            path, entry = f"{_quoted(post.reply_to)}/comments", {"message": _message(post)}
        else:
            path, entry = f"{_quoted(_page_of(config, facts))}/feed", _entry(post, prepared.get("photos", ()))
        fields = {"fields": "id,permalink_url"}
        reply = self._call(config, "POST", path, commit=True, params=fields, json=entry)
        return _published(named_object_of(reply, committing=True))

    def confirm(self, config: FacebookConfig, facts: Mapping[str, Any], published: Published) -> Published:
        """Read the entry's own address."""
        fields = {"fields": "id,permalink_url"}
        return _published(named_object_of(self._call(config, "GET", _quoted(published.remote_id), params=fields)))

    def find(
        self, config: FacebookConfig, facts: Mapping[str, Any], post: Post, since: datetime
    ) -> Published | Missing:
        """Compare the Page's entries (or its comments) with the frozen text; of several the oldest is ours.

        Facebook leaves out entries now and then, so one that is not found may be there all the same.
        """
        if post.reply_to:
            path = f"{_quoted(post.reply_to)}/comments"
            asked = {"fields": "id,message,created_time,permalink_url,from", "filter": "toplevel"}
        else:
            path = f"{_quoted(_page_of(config, facts))}/posts"
            asked = {"fields": "id,message,created_time,permalink_url", "since": str(int(since.timestamp()) - 300)}
        asked["limit"] = "100"
        pages = pages_of(lambda page: self._call(config, "GET", path, params=asked | dict(page)))
        listed = [row for rows in pages for row in rows]
        found = [
            row
            for row in listed
            if same_words(row.get("message"), _message(post)) and since_then(row, "created_time", since)
            and _is_ours(row, _page_of(config, facts)) and identity_of(row) not in post.taken
        ]  # fmt: skip
        found.sort(key=lambda row: str(row.get("created_time")))
        return _published(found[0]) if found else Missing(len(listed))

    def remote_id_of(self, address: str, config: FacebookConfig, facts: Mapping[str, Any]) -> str:
        """The number of the entry, or the code that Facebook shows instead."""
        place = place_in(address)
        code = facebook_code(place) if place and place.on(self.kind, "facebook.com") else ""
        if not code:
            raise self.no_post_address(address)
        return code

    def shown(self, config: FacebookConfig, facts: Mapping[str, Any], named: str, post: Post, since: datetime) -> Shown:
        """Read the entry; what has no number of the Page's own is looked for among its entries."""
        page_id, fields = _page_of(config, facts), "id,message,created_time,permalink_url"
        if named.isdigit() and page_id.isdigit():
            try:
                reply = self._call(config, "GET", f"{page_id}_{named}", params={"fields": fields})
                return shown_row(named_object_of(reply), **_SHOWN)
            except PermanentError as error:
                if error.reason != GONE:
                    raise
        asked = {"fields": fields, "since": str(int(since.timestamp()) - 300), "limit": "100"}
        path = f"{_quoted(page_id)}/posts"
        pages = pages_of(lambda page: self._call(config, "GET", path, params=asked | dict(page)))
        return shown_row(listed_row(pages, "permalink_url", named, facebook_code), **_SHOWN)

    def edit(self, config: FacebookConfig, facts: Mapping[str, Any], published: Published, post: Post) -> Published:
        """Change the text. The same call twice does no harm, so a lost answer is simply tried again."""
        asked = {"message": _message(post)}
        object_of(self._call(config, "POST", _quoted(published.remote_id), json=asked))
        return published

    def delete(self, config: FacebookConfig, facts: Mapping[str, Any], published: Published) -> None:
        """Take the entry down."""
        try:
            object_of(self._call(config, "DELETE", _quoted(published.remote_id)))
        except PermanentError as error:
            if error.reason != GONE:
                raise

    def figures(
        self, config: FacebookConfig, facts: Mapping[str, Any], remote_ids: Sequence[str]
    ) -> dict[str, Figures]:
        """Reactions, shares, comments, and how often an entry was seen (metric post_media_view, v23 and later)."""
        found = {}
        for remote_id in remote_ids:
            try:
                row = object_of(self._look(config, _quoted(remote_id), {"fields": f"id,{_COUNTED}"}))
            except PermanentError as error:
                if error.reason != GONE:
                    raise
                continue
            shares = row.get("shares")
            found[remote_id] = Figures(
                likes=_total(row, "reactions"),
                reposts=number(shares.get("count")) if isinstance(shares, dict) else 0,
                replies=_total(row, "comments"),
                views=self._views(config, remote_id) if "views" in self.abilities(facts).figures else None,
            )
        return found

    def lasts_until(self, config: FacebookConfig) -> datetime | None:
        """When a person must allow our app anew (90 days); the token itself has no end."""
        return moment_of(config.data_access_until)

    def _views(self, config: FacebookConfig, remote_id: str) -> int | None:
        """None for Pages with fewer than 100 followers and where the permission is missing: Facebook does not tell."""
        try:
            rows = rows_of(self._look(config, f"{_quoted(remote_id)}/insights", {"metric": "post_media_view"}))
        except PermanentError:
            return None
        except AccountError as error:
            if error.reason != PERMISSION:
                raise
            return None
        return measured(rows).get("post_media_view")

    def _page(self, config: FacebookConfig) -> dict[str, Any]:
        asked = {"fields": "id,name,username,link,picture{url}"}
        try:
            page = named_object_of(self._call(config, "GET", "me", params=asked))
        except PermanentError as error:
            if _NOT_A_PAGE in str(error):
                words = gettext_noop("This is a person's access, not the Page's. Paste the Page's own access token.")
                raise AccountError(words, reason=Reason.ACCOUNT) from error
            raise AccountError(PAGE_NOT_FOUND, reason=Reason.ACCOUNT) from error
        if config.page_id and identity_of(page) != config.page_id:
            raise AccountError(PAGE_NOT_FOUND, reason=Reason.ACCOUNT)
        return page

    def _upload(self, config: FacebookConfig, picture: PictureFile) -> str:
        name = f"picture{mimetypes.guess_extension(picture.media_type) or ''}"
        reply = self._call(
            config,
            "POST",
            f"{_quoted(config.page_id or 'me')}/photos",
            files={"source": (name, picture.content, picture.media_type)},
            data={"published": "false", "alt_text_custom": picture.alt},
        )
        return identity_of(named_object_of(reply))

    def _look(self, config: FacebookConfig, path: str, asked: Mapping[str, str]) -> http.Reply:
        """One call for a figure. Raises ThrottledError where posts may need the rest of our calls."""
        return unhurried(self._call(config, "GET", path, params=asked))

    def _call(
        self, config: FacebookConfig, method: str, path: str, *, commit: bool = False, **content: Any
    ) -> http.Reply:
        return send(method, graph_url(self.kind, path), config.access_token, commit=commit, **content)


def _message(post: Post) -> str:
    return with_link(post.text, post.link) if post.pictures else post.text


def _entry(post: Post, photos: Sequence[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": _message(post), "published": True}
    if photos:
        entry["attached_media"] = [{"media_fbid": photo} for photo in photos]
    elif post.link:
        entry["link"] = post.link
    return {name: value for name, value in entry.items() if value}


def _published(row: Mapping[str, Any]) -> Published:
    remote_id = identity_of(row)
    return Published(remote_id, public_url(row.get("permalink_url")) or f"{WWW}/{remote_id}")


def _page_of(config: FacebookConfig, facts: Mapping[str, Any]) -> str:
    return config.page_id or str(facts.get("page_id") or "me")


def _is_ours(row: Mapping[str, Any], page_id: str) -> bool:
    """Comments name who wrote them; the list of a Page's own entries does not."""
    author = row.get("from")
    return not isinstance(author, dict) or identity_of(author) == page_id


def _total(row: Mapping[str, Any], name: str) -> int | None:
    part = row.get(name)
    summary = part.get("summary") if isinstance(part, dict) else None
    return number(summary.get("total_count")) if isinstance(summary, dict) else None


def _quoted(identity: str) -> str:
    """An opaque id as one segment of a path."""
    return quote(identity, safe="")
