"""One website under several addresses: a staging host, the host of its CMS. Its pages have one address for us.

Where both addresses have been collected already, a page may be two items; they become one where nobody has used one of
them yet, and are left as they are where both were used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import BigIntegerField, Q
from django.utils.translation import gettext_noop

from publisher.errors import InputError
from publisher.items.identity import Sites, at_site, links_at_site, normalise_link, place_of, web_address
from publisher.items.labels import Labels
from publisher.items.recording import label_by_source, lacks_picture
from publisher.models import Block, Item, Organisation, SameSite, Sighting, Source
from publisher.models.given import Given
from publisher.models.reading import Reading
from publisher.vocabulary import ItemState


@dataclass
class Mapped:
    """What naming another address did: how many links it moved, items it made one, and pairs that stay two."""

    moved: int = 0
    merged: int = 0
    apart: list[tuple[Item, Item]] = field(default_factory=list)


_SITES = Reading(
    lambda: SameSite.objects.filter(organisation_id=Given("organisation", BigIntegerField())).values_list(
        "alias", "site"
    )
)


def sites_of(organisation_id: int) -> Sites:
    """The other addresses of an organisation's websites, each with the origin that its pages have for us."""
    return dict(_SITES.ask(organisation=organisation_id))


@transaction.atomic
def same_site(organisation: Organisation, alias: str, site: str) -> tuple[SameSite, Mapped]:
    """Say that what is at `alias` (host, host:port or a web address) is the website `site` (the same, or an origin).

    Links that are stored follow at once. Raises InputError for what is no address, for one that is named already, and
    for a chain: a website's own address is never another's alias.
    """
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    place, origin = place_of(alias), _origin(site)
    if not place or not origin:
        raise InputError(gettext_noop("Write an address such as kommune.dk or https://kommune.dk."))
    if place == place_of(origin):
        raise InputError(gettext_noop("The two addresses are the same."))
    known = sites_of(organisation.pk)
    if place in known:
        raise InputError(gettext_noop("“%(alias)s” is in the list already. Remove it there first."), alias=place)
    if place_of(origin) in known or place in {place_of(each) for each in known.values()}:
        raise InputError(gettext_noop("One of the two is in the list the other way round. Remove it there first."))
    row = SameSite.objects.create(organisation=organisation, alias=place, site=origin)
    mapped = _move_links(organisation, {place: origin})
    _move_links_in_texts(organisation, {place: origin})
    return row, mapped


def _origin(site: str) -> str:
    """ "https://host[:port]" as a person would write it; the scheme is kept where one was given."""
    written = site.strip() if "://" in site else f"https://{site.strip()}"
    if not web_address(written):
        return ""
    scheme, _mark, rest = written.partition("://")
    return f"{scheme.lower()}://{rest.split('/')[0].split('?')[0].split('#')[0].rpartition('@')[2].lower()}"


def _move_links(organisation: Organisation, sites: Sites) -> Mapped:
    mapped = Mapped()
    (alias,) = sites
    at_alias = Q(link_key=alias) | Q(link_key__startswith=f"{alias}/") | Q(link_key__startswith=f"{alias}?")
    hashed = Q(link_key__startswith="sha256:", link__icontains=alias)
    items = Item.objects.select_for_update().filter(at_alias | hashed, organisation=organisation).order_by("pk")
    for item in items:
        link = at_site(item.link, sites)
        if link == item.link:
            continue
        key = normalise_link(link)
        there = Item.objects.filter(organisation=organisation, link_key=key).exclude(pk=item.pk).first()
        if there is None:
            Item.objects.filter(pk=item.pk).update(link=link, link_key=key)
            mapped.moved += 1
        elif _merge(item, there):
            mapped.merged += 1
        else:
            mapped.apart.append((item, there))
    return mapped


def _move_links_in_texts(organisation: Organisation, sites: Sites) -> None:
    """Readers follow them, too. That is no edit: what an item says is the same."""
    (alias,) = sites
    for item in Item.objects.filter(organisation=organisation, body_html__icontains=alias).only("body_html").iterator():
        moved = links_at_site(item.body_html, sites)
        if moved != item.body_html:
            Item.objects.filter(pk=item.pk).update(body_html=moved)


def _merge(at_alias: Item, there: Item) -> bool:
    """Make two items one: what is used stays, else what was there first. False if both are used."""
    used, other = is_used(at_alias), is_used(there)
    if used and other:
        return False
    keep, drop = (at_alias, there) if used or (not other and at_alias.pk < there.pk) else (there, at_alias)
    sources = Source.objects.filter(sightings__item=drop).select_related("organisation").distinct()
    for source in sources.defer("credentials", "state"):
        label_by_source(keep, Labels.of(source.organisation_id, source))
    Sighting.objects.filter(item=drop).update(item=keep)
    # What a rule has met under one name it must not meet again under the other.
    met = set(keep.rule_matches.values_list("rule", flat=True))
    drop.rule_matches.exclude(rule__in=met).update(item=keep)
    # What was used is no news again.
    is_new = ItemState.NEW in (keep.state, drop.state) and not is_used(keep)
    state = ItemState.NEW if is_new else keep.state
    if lacks_picture(keep) and drop.picture_id:
        Item.objects.filter(pk=keep.pk).update(picture=drop.picture_id, picture_alt=drop.picture_alt, picture_error={})
    link, key = there.link, there.link_key
    drop.delete()
    Item.objects.filter(pk=keep.pk).update(link=link, link_key=key, state=state)
    return True


def is_used(item: Item) -> bool:
    """Whether a colleague worded it, a send-out was made of it, or a rule took it up."""
    if item.worded_at is not None or item.written_by_id is not None:
        return True
    chosen = item.chosen_for.exists() or Block.objects.filter(item=item).exists()
    return chosen or item.rule_matches.filter(campaign__isnull=False).exists()
