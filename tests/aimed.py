"""Aimed mails for tests: areas, topics, people who chose some, blocks shown to some."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from publisher.models import Area, Block, Message, Newsletter, Subscription, Topic
from publisher.vocabulary import BlockKind


def areas_of(newsletter: Newsletter, names: Sequence[str]) -> list[Area]:
    """Areas of the newsletter's organisation."""
    return [Area.objects.create(organisation=newsletter.organisation, name=name, slug=name.lower()) for name in names]


def topics_of(newsletter: Newsletter, names: Sequence[str]) -> list[Topic]:
    """Topics of the newsletter's organisation."""
    return [Topic.objects.create(organisation=newsletter.organisation, name=name, slug=name.lower()) for name in names]


def chose(person: Subscription, areas: Collection[Area] = (), topics: Collection[Topic] = ()) -> Subscription:
    """What a person chose."""
    person.areas.set(areas)
    person.topics.set(topics)
    return person


def story(
    message: Message,
    title: str,
    areas: Collection[Area] = (),
    topics: Collection[Topic] = (),
    kind: BlockKind = BlockKind.STORY,
) -> Block:
    """One more block at the end of the mail, shown to some."""
    content = {"title": title, "lead": f"{title} begynder her.", "html": f"<p>Alt om {title}</p>", "link": ""}
    block = Block.objects.create(message=message, kind=kind, position=message.blocks.count(), content=content)
    block.areas.set(areas)
    block.topics.set(topics)
    return block
