"""What a post must be at the LinkedIn contract server, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.contract.linkedin_images import Picture
from tests.contract.linkedin_text import as_told, shown
from tests.contract.server import PublicPost
from tests.contract.wire import RefusedError

TEXT_LENGTH, COMMENT_LENGTH, ALT_LENGTH, TITLE_LENGTH = 3000, 1250, 4086, 400
_KEYS = {
    "author", "commentary", "visibility", "distribution", "content", "lifecycleState", "isReshareDisabledByAuthor",
}  # fmt: skip
_FIXED = {
    "visibility": "PUBLIC",
    "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
    "lifecycleState": "PUBLISHED",
    "isReshareDisabledByAuthor": False,
}


def checked_post(given: dict[str, Any], image_of: Callable[[str], Picture | None], limit: int) -> PublicPost:
    """The post that the body of `POST /rest/posts` describes, without id and time."""
    only(given, _KEYS)
    if {name: given.get(name) for name in _FIXED} != _FIXED:
        raise RefusedError(
            422, "Contract: visibility, distribution, lifecycleState or the reshare flag is not as usual"
        )
    commentary = checked_commentary(given.get("commentary"), limit)
    content = given.get("content")
    if content is None and not commentary.strip():
        raise RefusedError(422, "Contract: a post has commentary or content")
    author = str(given.get("author"))

    def own_image(urn: str) -> Picture | None:
        found = image_of(urn)
        return found if found is not None and found.owner == author else None

    pictures, link = _content(content, own_image) if content is not None else ([], "")
    found = [picture for picture, _alt in pictures]
    post = PublicPost("", shown(commentary), None, [alt for _picture, alt in pictures])  # type: ignore[arg-type]
    post.pictures, post.link = [picture.content for picture in found], link
    post.fields = {"commentary": commentary, "content": content, "author": given.get("author")}
    return post


def checked_commentary(commentary: object, limit: int) -> str:
    """A commentary that LinkedIn shows whole."""
    if not isinstance(commentary, str):
        raise RefusedError(422, "Contract: commentary is a text")
    if len(commentary.encode("utf-16-le")) // 2 > limit:
        raise RefusedError(422, f"FIELD_LENGTH_TOO_LONG: commentary takes {limit} characters")
    shown(commentary)
    return commentary


def sameness(post: PublicPost) -> str:
    """What LinkedIn compares: here all that was sent, so that a repeat must be the same to the letter."""
    return json.dumps([post.fields["author"], post.fields["commentary"], post.fields["content"]], sort_keys=True)


def told(post: PublicPost) -> dict[str, Any]:
    """A post as `GET /rest/posts` has it."""
    made = int(post.created_at.timestamp() * 1000)
    content = {"content": post.fields["content"]} if post.fields["content"] else {}
    return {
        "id": post.remote_id,
        "author": post.fields["author"],
        "commentary": as_told(post.fields["commentary"]),
        "createdAt": made,
        "publishedAt": made,
        "lastModifiedAt": post.fields.get("changed_at", made),
        **_FIXED,
        **content,
    }


def only(given: dict[str, Any], known: set[str]) -> None:
    """Refuse what the call does not know."""
    if unknown := set(given) - known:
        raise RefusedError(422, f"UNPERMITTED_FIELDS_PRESENT: {', '.join(sorted(unknown))}")


def _content(content: Any, image_of: Callable[[str], Picture | None]) -> tuple[list[tuple[Picture, str]], str]:
    if not isinstance(content, dict) or len(content) != 1:
        raise RefusedError(422, "Contract: content is one of article, media and multiImage")
    if "article" in content:
        return [], _article(content["article"], image_of)
    if "media" in content:
        return [_picture(content["media"], image_of)], ""
    only(content, {"multiImage"})
    only(content["multiImage"], {"images"})
    images = content["multiImage"].get("images")
    if not isinstance(images, list) or not 2 <= len(images) <= 20:
        raise RefusedError(422, "Contract: multiImage holds 2 to 20 images")
    return [_picture(image, image_of) for image in images], ""


def _article(article: dict[str, Any], image_of: Callable[[str], Picture | None]) -> str:
    only(article, {"source", "title", "description", "thumbnail"})
    if not str(article.get("source", "")).startswith(("https://", "http://")) or not article.get("title"):
        raise RefusedError(422, "Contract: an article has source and title")
    if len(article["title"]) > TITLE_LENGTH or len(article.get("description", "")) > ALT_LENGTH:
        raise RefusedError(422, "FIELD_LENGTH_TOO_LONG: title or description")
    if "thumbnail" in article:
        _picture({"id": article["thumbnail"]}, image_of)
    return str(article["source"])


def _picture(given: dict[str, Any], image_of: Callable[[str], Picture | None]) -> tuple[Picture, str]:
    only(given, {"id", "altText"})
    picture, alt = image_of(str(given.get("id"))), given.get("altText", "")
    if picture is None or picture.status != "AVAILABLE":
        raise RefusedError(422, "INVALID_URN_ID: the image is not AVAILABLE")
    if not isinstance(alt, str) or len(alt) > ALT_LENGTH:
        raise RefusedError(422, "FIELD_LENGTH_TOO_LONG: altText")
    return picture, alt
