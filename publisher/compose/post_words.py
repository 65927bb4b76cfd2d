"""A post's words and link as the platform gets them: partners by the names they have there, links with parameters."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from publisher.models import Account, Partner
from publisher.platforms import PLATFORMS

# What staff write for somebody who is called something else on each platform; not a mention as LinkedIn writes it.
_MENTION = re.compile(r"@\[([^\]\n]{1,80})\](?!\(urn:)")
# What of a send-out may stand in a link's parameters, as {title}.
_TITLE = "{title}"
# In the words of both languages, whatever the post's is.
_SAYS_PROFILE = re.compile(r"\blink\w*\s+(?:\w+\s+)?(?:i|in)\s+(?:\w+\s+)?(?:profil|bio)", re.IGNORECASE)
_NOT_IN_VALUE = re.compile(r"[^\w-]+")


def with_partners(text: str, account: Account) -> str:
    """`text` with each @[Name] as that partner is called on the account's platform; by plain name where in none."""
    if "@[" not in text:
        return text
    partners = Partner.objects.filter(organisation=account.organisation_id)
    platform = PLATFORMS[account.kind]
    mentions = {
        partner.name.casefold(): platform.mention(partner.name, str(handle))
        for partner in partners
        if (handle := partner.handles.get(account.kind))
    }
    return _MENTION.sub(lambda found: mentions.get(found[1].strip().casefold()) or found[1].strip(), text)


def with_profile_line(text: str, language: str) -> str:
    """`text` with a line that says where its link is; as it is where it says so already. `language` is the post's."""
    if _SAYS_PROFILE.search(text):
        return text
    with translation.override(language or settings.LANGUAGE_CODE):
        line = gettext("Link in our profile")
    return f"{text}\n\n{line}" if text else line


def unknown_partners(text: str, account: Account) -> list[str]:
    """The names in @[…] that are no partner's."""
    named = [found.strip() for found in _MENTION.findall(text)]
    if not named:
        return []
    known = {
        name.casefold()
        for name in Partner.objects.filter(organisation=account.organisation_id).values_list("name", flat=True)
    }
    return [name for name in named if name.casefold() not in known]


def example_link(account: Account) -> str:
    """How an account's parameters look behind a link, for people."""
    return with_values("https://www.example.org/koncert", account, "Åben øvelse")


def with_values(link: str, account: Account, title: str) -> str:
    """A link with the account's own parameters (utm_source and the like), which replace those that it has.

    `title` is the send-out's.
    """
    values = {name: value for name, value in account.link_values.items() if value}
    if not values or not link:
        return link
    parts = urlsplit(link)
    # As its server wrote them: some take no other spelling of the same.
    kept = [pair for pair in parts.query.split("&") if pair and unquote_plus(pair.partition("=")[0]) not in values]
    filled = urlencode({name: value.replace(_TITLE, _title_in_link(title)) for name, value in values.items()})
    return urlunsplit(parts._replace(query="&".join([*kept, filled])))


def _title_in_link(title: str) -> str:
    return _NOT_IN_VALUE.sub("-", title.lower())[:60].strip("-")
