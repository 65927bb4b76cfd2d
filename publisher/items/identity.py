"""Which entry is which: an entry's own key, and a link in the one form in which two addresses of a page are equal.

A website that is known under several addresses (models.SameSite) has its pages under one of them: `Sites`.
"""

from __future__ import annotations

import hashlib
import html as entities
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import idna

from publisher.sources.contract import Candidate

MAX_KEY = 500
# A text of so many characters is nobody else's, if it stands nowhere else.
TELLING = 80
_TRACKING = re.compile(
    r"(?:utm|pk|mtm|matomo|piwik)_.*|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|igshid|igsh"
    r"|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|hsctatracking|vero_id|oly_enc_id|oly_anon_id|wickedid|at_medium|at_campaign",
    re.IGNORECASE | re.DOTALL,
)
# A website answers with and without it; where it does not, the two are never two websites.
_WWW = re.compile(r"^(?:www\.)+(?=[^.]+\.)")
_HREF = re.compile(r'(?<=<a href=")[^"]+')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


# Alias (host[:port]) → origin ("https://host") of the same website.
Sites = Mapping[str, str]


def identity_of(candidate: Candidate) -> str:
    """The key under which a source's entry is known: its guid, else its normalised link, else a hash of its content.

    At most 500 characters. The hash covers title and published time, which is all that such an entry keeps.
    """
    return guid_of(candidate.external_key) or normalise_link(candidate.link) or words_key(candidate)


def guid_of(external_key: str) -> str:
    """An entry's own key in the form in which it is kept; "" if it has none."""
    return _bounded(unicodedata.normalize("NFC", _CONTROL.sub("", external_key)).strip())


def words_key(candidate: Candidate) -> str:
    """The key of an entry whose guid and link tell nothing: a hash of its headline and its date."""
    try:
        when = candidate.published_at.astimezone(UTC).isoformat() if candidate.published_at else ""
    except OverflowError:
        when = str(candidate.published_at)
    title = unicodedata.normalize("NFC", " ".join(candidate.title.split()))
    return _hashed(f"{title}\n{when}")


def title_key(title: str) -> str:
    """A headline's hash: equal however its letters, signs and spaces are written; "" if no letter or digit is in it."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", title).casefold())
    return hashlib.sha256(" ".join(words).encode("utf-8", "replace")).hexdigest() if words else ""


def text_key(text: str) -> str:
    """A text's hash; "" if it is so short ("Se mere") that others may say the same."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if len(text) >= TELLING else ""


def place_of(url: str) -> str:
    """The host[:port] of a web address, or of what was typed as one, in the form of link keys; "" if it is none."""
    written = url if "://" in url else f"https://{url.strip()}"
    return re.split(r"[/?]", normalise_link(written), maxsplit=1)[0]


def at_site(url: str, sites: Sites) -> str:
    """`url` at the address that its website has for us."""
    site = sites.get(place_of(url), "") if sites and url else ""
    if not site:
        return url
    parts = urlsplit(_cleared(url))
    return site + urlunsplit(("", "", parts.path, parts.query, parts.fragment))


def links_at_site(html: str, sites: Sites) -> str:
    """`html`, as `items.content.clean_html` gives it, its links at the addresses that their websites have for us."""
    return _HREF.sub(lambda found: _link_at_site(found[0], sites), html) if sites else html


def _link_at_site(written: str, sites: Sites) -> str:
    url = entities.unescape(written)
    moved = at_site(url, sites)
    return written if moved == url else entities.escape(moved)


def normalise_link(url: str) -> str:
    """The key of a web address: equal for addresses that lead to the same page. "" for anything but http and https.

    Without scheme, user, www., default port, fragment, tracking parameters and trailing slash; host in lower-case
    punycode, parameters sorted, percent-encoding in the one form of RFC 3986 §6.2.2. At most 500 characters:
    a longer one is replaced by its hash. `normalise_link("https://" + key) == key`.
    """
    return _recent_key(url) if len(url) <= MAX_KEY else _key_of(url)


def _key_of(url: str) -> str:
    try:
        parts = urlsplit(_cleared(url))
        port = parts.port
    except ValueError:
        return ""
    host = _host(parts)
    if parts.scheme not in {"http", "https"} or not host:
        return ""
    place = host if port in {None, 80, 443} else f"{host}:{port}"
    query = _query(parts.query)
    return _bounded(place + _percent(parts.path).rstrip("/") + (f"?{query}" if query else ""))


# One link is asked about several times on an entry's way to its item.
_recent_key = lru_cache(maxsize=1024)(_key_of)


def web_address(url: str, limit: int = 1000) -> str:
    """`url` ready to stand in a page: an http or https address of at most `limit` characters; "" for anything else."""
    cleaned = _cleared(url)
    return cleaned if normalise_link(cleaned) and len(cleaned) <= limit else ""


def without_tracking(url: str) -> str:
    """`url` without its tracking parameters, otherwise as written: readers we send are no visitors of a feed."""
    page, hash_mark, fragment = url.partition("#")
    path, question_mark, query = page.partition("?")
    kept = "&".join(part for part in query.split("&") if not _TRACKING.fullmatch(part.partition("=")[0]))
    return path + (question_mark if kept else "") + kept + hash_mark + fragment


def _cleared(url: str) -> str:
    return _CONTROL.sub("", url).strip().replace(" ", "%20")


def _host(parts: SplitResult) -> str:
    host = unicodedata.normalize("NFC", unquote(parts.hostname or "")).lower().strip(".")
    if ":" in host:
        return f"[{host}]" if re.fullmatch(r"[0-9a-f:.]+", host) else ""
    if host.isascii():
        return _WWW.sub("", host) if re.fullmatch(r"[a-z0-9._-]+", host) else ""
    try:
        return _WWW.sub("", idna.encode(host, uts46=True).decode("ascii"))
    except (idna.IDNAError, UnicodeError):
        return ""


def _percent(path: str) -> str:
    """Unreserved characters as themselves, everything else that was or must be encoded in upper-case hex."""
    encoded = quote(re.sub(r"%(?![0-9a-fA-F]{2})", "%25", path), safe="/!$&'()*+,;=:@-._~%")
    return re.sub(r"%[0-9a-fA-F]{2}", _one_form, encoded)


def _one_form(match: re.Match[str]) -> str:
    character = chr(int(match.group()[1:], 16))
    return character if character in _UNRESERVED else match.group().upper()


def _query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    kept = [(name, value) for name, value in pairs if not _TRACKING.fullmatch(name)]
    return urlencode(sorted(kept), quote_via=quote, safe="", errors="surrogateescape")


def _bounded(key: str) -> str:
    return key if len(key) <= MAX_KEY else _hashed(key)


def _hashed(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
