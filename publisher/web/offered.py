"""What a newsletter's subscribers choose among, as a form offers it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from publisher.items.choices import area_word, offered_areas, offered_topics
from publisher.models import Block, Newsletter


@dataclass(frozen=True)
class Offered:
    """Areas and topics as (id, name), and what the areas are called."""

    areas: list[tuple[int, str]]
    topics: list[tuple[int, str]]
    areas_word: str

    @classmethod
    def by(cls, newsletter: Newsletter) -> Offered:
        """All that the newsletter offers."""
        cooperation = newsletter.cooperation
        return cls(
            [(area.pk, area.name) for area in offered_areas(newsletter)],
            [(topic.pk, topic.name) for topic in offered_topics(newsletter)],
            area_word(cooperation, several=True) if cooperation else _("Areas"),
        )

    def with_own(self, block: Block) -> Offered:
        """With what the block is aimed at already, should the newsletter offer that no more."""
        areas = [(area.pk, area.name) for area in block.areas.all()]
        topics = [(topic.pk, topic.name) for topic in block.topics.all()]
        return replace(
            self,
            areas=self.areas + [each for each in areas if each not in self.areas],
            topics=self.topics + [each for each in topics if each not in self.topics],
        )
