"""What pages write of news that waits for a rule's turn."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext

from publisher.rules.waiting import Turn
from publisher.templatetags.dates import write_date
from publisher.templatetags.sendouts import names

register = template.Library()


@register.filter
def turn_words(turn: Turn) -> str:
    """What the rule does with it: “The rule “Alt nyt” sends it to Prøvekanal Friday 27 November at 07:00.”"""
    params = {"rule": turn.rule.name, "names": turn_outlets(turn), "at": write_date(turn.at, "long")}
    if not turn.outlets:
        return gettext("The rule “%(rule)s” does not send it: a colleague sees to it.") % params
    if turn.is_asking:
        return (
            gettext("The rule “%(rule)s” holds itself: it sends it to %(names)s once somebody lets it go on.") % params
        )
    return gettext("The rule “%(rule)s” sends it to %(names)s %(at)s.") % params


@register.filter
def turn_outlets(turn: Turn) -> str:
    """Where it goes: “Kulturnyt and Prøvekanal”."""
    return names(turn.outlets, 4)


@register.inclusion_tag("web/parts/status.html")
def turn_mark(turn: Turn) -> dict[str, str]:
    """The mark of what waits for a rule: planned by it, or waiting for a person's word to the rule."""
    if turn.is_asking and turn.outlets:
        return {"word": gettext("Waits for you"), "shape": "square", "tone": "warn"}
    if turn.outlets:
        return {"word": gettext("Planned by a rule"), "shape": "clock", "tone": "plan"}
    return {"word": gettext("Left to a colleague"), "shape": "slash", "tone": "muted"}
