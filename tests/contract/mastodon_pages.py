"""What people see of the Mastodon contract server: its public posts, and the question whether an app may post."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import regex

if TYPE_CHECKING:
    from tests.contract.mastodon_entities import Status

_TOKEN = regex.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)\]…”])|(?<![\w/])@(?P<user>\w+)@(?P<host>[\w.-]+\w)|(?<![\w/&])#(?P<tag>\w+)"
)
_STYLE = """body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#222;
background:#fff}article{border-top:1px solid #888;padding:1rem 0}img{max-width:100%;height:auto;display:block}
figcaption,footer{color:#555;font-size:.9rem}.invisible{display:none}.ellipsis:after{content:"…"}"""


def as_html(text: str, origin: str) -> str:
    """A status as Mastodon shows it: paragraphs, shortened links, mentions and hashtags."""
    paragraphs = regex.split(r"\n{2,}", text.strip())
    return "".join(f"<p>{_inline(paragraph, origin)}</p>" for paragraph in paragraphs if paragraph)


def timeline(statuses: Iterable[Status], origin: str) -> str:
    """The page at `/`: all public posts, newest first, each picture with the description that is read aloud."""
    posts = "".join(_article(status, origin) for status in statuses)
    return _document("Public posts", posts or "<p>Nothing has been posted yet.</p>")


def single(status: Status, origin: str) -> str:
    """The page of one post."""
    return _document(f"Post by {status.account.display_name}", _article(status, origin))


def consent(app_name: str, scopes: Iterable[str], fields: Mapping[str, str]) -> str:
    """The question whether an app may act for the account."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    back = {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request.",
    }
    no = f"{fields.get('redirect_uri', '')}?{urlencode(back | {'state': fields.get('state', '')})}"
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in sorted(scopes))
    return _document(
        "Authorization required",
        f'<p>{escape(app_name)} would like to access your account:</p><ul>{wanted}</ul><form method="post" '
        f'action="/oauth/authorize">{hidden}<button type="submit">Authorize</button></form>'
        f'<p><a href="{escape(no)}">Deny</a></p>',
    )


def code_page(code: str) -> str:
    """The page that shows a code to copy (out-of-band flow)."""
    return _document(
        "Authorization code", f"<p>Copy this code into the application:</p><p><code>{escape(code)}</code></p>"
    )


def _document(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    )


def _article(status: Status, origin: str) -> str:
    figures = "".join(
        f'<figure><img src="/media/{escape(media.media_id)}" alt="{escape(media.alt)}" width="{media.width}" '
        f'height="{media.height}"><figcaption>Alt text: {escape(media.alt) or "none"}</figcaption></figure>'
        for media in status.media
    )
    name, when = escape(status.account.display_name), status.created_at.isoformat(timespec="seconds")
    language = f' lang="{escape(status.language)}"' if status.language else ""
    return (
        f'<article id="{escape(status.status_id)}"><h2>{name} (@{escape(status.account.username)})</h2>'
        f"<div{language}>{as_html(status.text, origin)}</div>{figures}"
        f'<footer><a href="/@{escape(status.account.username)}/{escape(status.status_id)}">'
        f'<time datetime="{when}">{when}</time></a> · {escape(status.visibility)}</footer></article>'
    )


def _inline(text: str, origin: str) -> str:
    written, end = [], 0
    for match in _TOKEN.finditer(text):
        written.append(_plain(text[end : match.start()]))
        written.append(_link(match, origin))
        end = match.end()
    written.append(_plain(text[end:]))
    return "".join(written)


def _plain(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br />")


def _link(match: regex.Match[str], origin: str) -> str:
    if match["user"]:
        user, host = escape(match["user"]), escape(match["host"])
        return (
            f'<span class="h-card" translate="no"><a href="https://{host}/@{user}" class="u-url mention">'
            f"@<span>{user}</span></a></span>"
        )
    if match["tag"]:
        tag = escape(match["tag"])
        return f'<a href="{origin}/tags/{tag.lower()}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>'
    url = match["url"]
    scheme, rest = escape(url[: url.index("//") + 2]), url[url.index("//") + 2 :]
    shown, hidden = escape(rest[:30]), escape(rest[30:])
    return (
        f'<a href="{escape(url)}" rel="nofollow noopener" translate="no"><span class="invisible">{scheme}'
        f'</span><span class="{"ellipsis" if hidden else ""}">{shown}</span><span class="invisible">{hidden}</span></a>'
    )
