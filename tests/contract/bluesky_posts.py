"""What the Bluesky contract server lets pass as a post: the lexicon app.bsky.feed.post, without a field too many."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import regex

from tests.contract.bluesky_sessions import DID, HANDLE, OTHERS
from tests.contract.wire import RefusedError

COLLECTION = "app.bsky.feed.post"
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
URI = re.compile(r"[a-z][a-z0-9+.-]*:(//)?[^\s/]\S*", re.IGNORECASE)
FIELDS = {"$type", "text", "createdAt", "langs", "facets", "tags", "reply", "labels", "embed"}
MAX_BYTES, MAX_BLOB, MAX_TAG, MAX_TAGS = 3000, 1_000_000, 64, 8
SELF_LABELS = "com.atproto.label.defs#selfLabels"
IMAGES, CARD = "app.bsky.embed.images", "app.bsky.embed.external"
FACET = "app.bsky.richtext.facet"


@dataclass
class Blob:
    """An uploaded file, as a record must repeat it."""

    content: bytes
    media_type: str

    @property
    def cid(self) -> str:
        return cid_of(self.content, 0x55)

    def entity(self) -> dict[str, Any]:
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.media_type, "size": len(self.content)}


@dataclass
class Repository:
    """What a record is checked against; `content_id` tells the cid of a public post, "" for none; `root_of` the first
    post of the thread that a post is in."""

    blobs: Mapping[str, Blob]
    content_id: Callable[[str], str]
    root_of: Callable[[str], str]
    text_limit: int


def cid_of(content: bytes, codec: int) -> str:
    """A content id: version 1, SHA-256, in base32 (bafkrei… for raw bytes, bafyrei… for records)."""
    digest = bytes([0x01, codec, 0x12, 0x20]) + hashlib.sha256(content).digest()
    return "b" + base64.b32encode(digest).decode().lower().rstrip("=")


def record_cid(record: object) -> str:
    """The content id of a record: the same fields, the same id."""
    return cid_of(json.dumps(record, sort_keys=True, ensure_ascii=False).encode(), 0x71)


def check(record: object, repository: Repository) -> dict[str, Any]:
    """The record, or what is wrong with it."""
    found = _fields(record, "Record", {"$type", "text", "createdAt"}, FIELDS)
    _must(found["$type"] == COLLECTION, f"Invalid $type: expected {COLLECTION}, got {found['$type']}")
    _check_text(found["text"], repository.text_limit)
    _must(
        isinstance(found["createdAt"], str) and bool(MOMENT.fullmatch(found["createdAt"])), "createdAt is no datetime"
    )
    langs = found.get("langs", [])
    right = isinstance(langs, list) and len(langs) <= 3 and all(LANGUAGE.fullmatch(str(each)) for each in langs)
    _must(right, "langs has at most three BCP 47 tags")
    _check_facets(found["text"].encode(), found.get("facets", []))
    _check_tags(found.get("tags", []))
    if "labels" in found:
        _check_labels(found["labels"])
    if "reply" in found:
        _check_reply(found["reply"], repository)
    if "embed" in found:
        _check_embed(found["embed"], repository)
    return found


def _check_tags(tags: object) -> None:
    _must(isinstance(tags, list) and len(tags) <= MAX_TAGS, f"array too big (maximum {MAX_TAGS}) at $.record.tags")
    for tag in tags if isinstance(tags, list) else []:
        right = isinstance(tag, str) and 0 < len(regex.findall(r"\X", tag)) <= MAX_TAG and len(tag.encode()) <= 640
        _must(right and not tag.startswith("#"), "Contract: a tag is a text of 1 to 64 graphemes without #")


def _check_labels(labels: object) -> None:
    """`com.atproto.label.defs#selfLabels`: at most ten, each of at most 128 bytes."""
    given = _fields(labels, "labels", {"$type", "values"})
    _must(given["$type"] == SELF_LABELS, f"labels: expected {SELF_LABELS}, got {given['$type']}")
    _must(isinstance(given["values"], list) and len(given["values"]) <= 10, "array too big (maximum 10) at labels")
    for value in given["values"]:
        label = _fields(value, "label", {"val"})["val"]
        _must(isinstance(label, str) and 0 < len(label.encode()) <= 128, "a label is a text of at most 128 bytes")


def _check_reply(reply: object, repository: Repository) -> None:
    given = _fields(reply, "reply", {"root", "parent"})
    for name, reference in given.items():
        _fields(reference, name, {"uri", "cid"})
        _must(repository.content_id(reference["uri"]) == reference["cid"], f"{name}: no such post with that cid")
    _must(
        repository.root_of(given["parent"]["uri"]) == given["root"]["uri"], "Contract: root is the first of the thread"
    )


def _check_text(text: object, limit: int) -> None:
    _must(isinstance(text, str), "text must be a string")
    assert isinstance(text, str)
    size, count = len(text.encode()), len(regex.findall(r"\X", text))
    _must(size <= MAX_BYTES, f"string too big (maximum {MAX_BYTES}, got {size}) at $.record.text")
    _must(count <= limit, f"grapheme too big (maximum {limit}, got {count}) at $.record.text")


def _check_facets(text: bytes, facets: object) -> None:
    _must(isinstance(facets, list), "facets must be a list")
    assert isinstance(facets, list)
    end = 0
    for facet in facets:
        _fields(facet, "facet", {"index", "features"})
        index = _fields(facet["index"], "index", {"byteStart", "byteEnd"})
        start, stop = index["byteStart"], index["byteEnd"]
        _must(end <= start < stop <= len(text), "Contract: facets overlap, are empty, or end after the text")
        try:
            words = text[start:stop].decode()
        except UnicodeDecodeError:
            raise RefusedError(400, "Contract: a facet cuts a character") from None
        _must(len(facet["features"]) == 1, "Contract: one feature a facet")
        _check_feature(words, facet["features"][0])
        end = stop


def _check_feature(words: str, feature: Mapping[str, Any]) -> None:
    kind = str(feature.get("$type", "")).removeprefix(f"{FACET}#")
    value = {"link": "uri", "tag": "tag", "mention": "did"}.get(kind, "")
    _must(bool(value), f"no such feature: {kind}")
    given = _fields(feature, kind, {"$type", value})[value]
    if kind == "link":
        _must(bool(URI.fullmatch(given)), "uri is no uri")
    elif kind == "tag":
        _must(words == f"#{given}" and len(regex.findall(r"\X", given)) <= MAX_TAG, "Contract: the tag is not the text")
    else:
        known = OTHERS | {HANDLE: DID}
        _must(known.get(words.removeprefix("@").lower()) == given, "Contract: that is not who is mentioned")


def _check_embed(embed: Mapping[str, Any], repository: Repository) -> None:
    kind = embed.get("$type")
    if kind == IMAGES:
        images = _fields(embed, "embed", {"$type", "images"})["images"]
        _must(1 <= len(images) <= 4, f"array too big (maximum 4, got {len(images)})")
        for image in images:
            _fields(image, "image", {"alt", "image", "aspectRatio"})
            _must(isinstance(image["alt"], str), 'Missing required key "alt"')
            ratio = _fields(image["aspectRatio"], "aspectRatio", {"width", "height"})
            _must(all(isinstance(side, int) and side >= 1 for side in ratio.values()), "aspectRatio")
            _check_blob(image["image"], repository)
    elif kind == CARD:
        card = _fields(embed, "embed", {"$type", "external"})["external"]
        _fields(card, "external", {"uri", "title", "description"}, {"uri", "title", "description", "thumb"})
        _must(bool(URI.fullmatch(card["uri"])), "external.uri is no uri")
        if "thumb" in card:
            _check_blob(card["thumb"], repository)
    else:
        raise RefusedError(400, f"Contract: no such embed: {kind}")


def _check_blob(given: Mapping[str, Any], repository: Repository) -> None:
    _fields(given, "blob", {"$type", "ref", "mimeType", "size"})
    blob = repository.blobs.get(given["ref"]["$link"])
    if blob is None:
        raise RefusedError(400, f"BlobNotFound: Could not find blob: {given['ref']['$link']}")
    if given["mimeType"] != blob.media_type or not blob.media_type.startswith("image/"):
        raise RefusedError(400, f"InvalidMimeType: Referenced Mimetype does not match stored blob: {given['mimeType']}")
    if given["size"] != len(blob.content):
        raise RefusedError(400, "InvalidSize: Referenced Size does not match stored blob")
    _must(len(blob.content) <= MAX_BLOB, f"blob too big (maximum {MAX_BLOB}, got {len(blob.content)})")


def _fields(given: object, name: str, needed: set[str], allowed: set[str] | None = None) -> dict[str, Any]:
    _must(isinstance(given, dict), f"{name} must be an object")
    assert isinstance(given, dict)
    for missing in sorted(needed - set(given)):
        raise RefusedError(400, f'Missing required key "{missing}" at $.record.{name}')
    unknown = set(given) - (allowed or needed)
    _must(not unknown, f"Contract: unknown fields in {name}: {', '.join(sorted(unknown))}")
    return given


def _must(right: bool, otherwise: str) -> None:
    if not right:
        raise RefusedError(400, f"Invalid {COLLECTION} record: {otherwise}")
