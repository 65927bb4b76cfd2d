"""The addresses that need no sign-in, and the page of caught mail. Those that stand in mails must never change."""

from __future__ import annotations

from django.urls import path, re_path

from publisher.web import (
    catcher,
    follow,
    media,
    practice_api,
    practice_pages,
    public_events,
    public_mail,
    public_news,
    public_pictures,
    statements,
    unsubscribe,
)

urlpatterns = [
    re_path(r"^m/(?P<public_id>[0-9a-f]{32})$", public_mail.view_mail, name="view-mail"),
    re_path(r"^n/(?P<token>[1-9a-f][0-9a-f]{0,14}-[0-9a-f]{20})$", public_news.news, name="public-news"),
    # With or without a slash at the end, since a redirect would break the one click (RFC 8058 §3.1).
    re_path(r"^u/(?P<token>[^/]+)/?$", unsubscribe.unsubscribe, name="unsubscribe"),
    re_path(r"^l/(?P<code>[^/]+)(?:/(?P<token>[^/]*))?$", follow.follow_link, name="follow"),
    re_path(r"^events/(?P<token>[0-9a-f]{1,15}-[0-9a-f]{20})\.ics$", public_events.event_file, name="event-file"),
    re_path(
        r"^media/(?P<sha256>[0-9a-f]{64})/(?P<width>[0-9]{1,4})\.(?P<extension>jpg|png)$", media.media, name="media"
    ),
    re_path(
        r"^p/(?P<token>[\w.=-]{40,1000})\.(?P<extension>jpg|png|webp|gif)$",
        public_pictures.public_picture,
        name="public-picture",
    ),
    path("practice/api/<slug:slug>", practice_api.channel),
    path("practice/api/<slug:slug>/media", practice_api.pictures),
    path("practice/api/<slug:slug>/posts", practice_api.posts),
    path("practice/api/<slug:slug>/posts/<str:post_id>", practice_api.post),
    path("practice/<slug:slug>/", practice_pages.timeline, name="practice-timeline"),
    path("practice/<slug:slug>/posts/<int:post_id>", practice_pages.single_post, name="practice-post"),
    path("practice/<slug:slug>/pictures/<int:picture_id>", practice_pages.picture, name="practice-picture"),
    path("catcher/", catcher.catcher, name="catcher"),
    re_path(r"^catcher/(?P<mail_id>[0-9a-f]{32})$", catcher.catcher_mail, name="catcher-mail"),
    re_path(r"^catcher/(?P<mail_id>[0-9a-f]{32})/html$", catcher.catcher_html, name="catcher-html"),
    re_path(r"^catcher/(?P<mail_id>[0-9a-f]{32})\.eml$", catcher.catcher_raw, name="catcher-raw"),
    path("privacy/<slug:slug>", statements.privacy, name="privacy"),
    path("accessibility", statements.accessibility, name="accessibility"),
    path("accessibility/<slug:slug>", statements.accessibility, name="accessibility"),
]
