"""Which column is what: guesses from the names that Danish and English websites give their columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

# Our field → names, the likeliest first.
NAMES: dict[str, str] = {
    "id_column": "id nyhed_id nyheds_id item_id post_id article_id artikel_id guid uuid nr",
    "title_column": "overskrift titel title headline rubrik post_title navn name",
    "lead_column": (
        "manchet underrubrik resume teaser ingress indledning lead summary excerpt post_excerpt intro abstract "
        "description beskrivelse kort_tekst undertitel"
    ),
    "body_column": (
        "broedtekst brodtekst body_html body indhold content post_content tekst text html artikeltekst article"
    ),
    "picture_alt_column": (
        "billede_alt alt_tekst alttekst image_alt picture_alt img_alt alt_text alt billedbeskrivelse billedtekst"
    ),
    "picture_column": (
        "billede_url billedurl billede foto_url foto image_url image picture_url picture img_url img photo hero_image "
        "thumbnail"
    ),
    "author_column": "forfatter skribent journalist byline author author_name skrevet_af",
    "areas_column": "kommune kommuner omraade omraader area areas municipality municipalities by sted region",
    "tags_column": (
        "emner emne emneord tags tag noegleord kategorier kategori categories category topics topic keywords"
    ),
    "link_column": "url link permalink adresse webadresse canonical_url href artikel_url",
    "published_column": (
        "udgivet udgivelsesdato publiceret publiceringsdato published_at published publish_date pub_date pubdate "
        "date_published udgivet_dato post_date dato date"
    ),
    "updated_column": (
        "aendret opdateret sidst_aendret senest_aendret aendret_dato rettet updated_at updated modified_at modified "
        "last_modified changed changed_at post_modified lastmod"
    ),
    "status_column": "status tilstand state post_status er_udgivet is_published udgivelsesstatus",
    "event_starts_column": (
        "starttid starttidspunkt start_dato startdato begynder starts_at start_date start_time event_start start"
    ),
    "event_ends_column": (
        "sluttid sluttidspunkt slut_dato slutdato slutter ends_at end_date end_time event_end slut end"
    ),
    "event_place_column": "spillested lokation venue location event_place place",
}
# Names, and parts of names, of columns that tell a draft from what is published.
_STATES = frozenset(
    [
        "state",
        "published",
        "publiceret",
        "udgivet",
        "offentlig",
        "offentliggjort",
        "public",
        "synlig",
        "visible",
        "skjult",
        "hidden",
        "aktiv",
        "active",
        "enabled",
        "godkendt",
        "approved",
        "online",
        "live",
        "udkast",
        "workflow",
    ]
)
_STATE_PARTS = frozenset({"status", "tilstand", "kladde", "draft"})
_YES_OR_NO = frozenset({"", "0", "1", "true", "false", "t", "f", "ja", "nej", "yes", "no"})
# Words of a status column that mean: readers may see it.
PUBLISHED_WORDS = frozenset(
    {"udgivet", "publiceret", "offentlig", "offentliggjort", "synlig", "aktiv", "online", "live"}
    | {"published", "publish", "public", "visible", "active", "1", "true", "ja", "yes"}
)


def guesses(columns: Sequence[str]) -> dict[str, str]:
    """Our field → the column that it most likely is; fields without a likely column are left out."""
    found: dict[str, str] = {}
    # Exact names of all fields first, so that “billede_url” is no link where there is a “url”.
    for is_like in (_is, _ends_with):
        for field, names in NAMES.items():
            if field not in found:
                free = [column for column in columns if column not in found.values()]
                match = _first(free, names.split(), is_like)
                if match:
                    found[field] = match
    return found


def published_words(values: Iterable[str]) -> list[str]:
    """Those of a status column's values that most likely mean “published”."""
    return [value for value in values if value in PUBLISHED_WORDS]


def may_be_status(column: str) -> bool:
    """Whether a column of this name may tell drafts from what is published."""
    parts = plain(column).split("_")
    bare = "_".join(parts[1:] if parts[0] in {"is", "er"} else parts)
    return bare in _STATES or not _STATE_PARTS.isdisjoint(parts)


def is_yes_or_no(values: Iterable[str]) -> bool:
    """Whether these values, if there are any, only say yes or no."""
    found = set(values)
    return bool(found) and found <= _YES_OR_NO


def _first(columns: Sequence[str], names: Iterable[str], is_like: Callable[[str, str], bool]) -> str:
    return next((column for name in names for column in columns if is_like(plain(column), name)), "")


def _is(column: str, name: str) -> bool:
    return column == name


def _ends_with(column: str, name: str) -> bool:
    return len(name) > 3 and (column.endswith(f"_{name}") or column.startswith(f"{name}_"))


def plain(name: str) -> str:
    """“Brødtekst”, “broedtekst” and “BRODTEKST ” in nearly one form: lower case, ASCII, words joined by _."""
    spelled = re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", "_", unicodedata.normalize("NFC", name)).lower()
    for letter, written in (("æ", "ae"), ("ø", "oe"), ("å", "aa")):
        spelled = spelled.replace(letter, written)
    letters = unicodedata.normalize("NFKD", spelled)
    ascii_only = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")
