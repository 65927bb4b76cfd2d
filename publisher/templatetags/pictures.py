"""What pages write of pictures: their names, what every crop keeps, how long the photo consent lasts."""

from __future__ import annotations

from django import template
from django.utils import timezone
from django.utils.translation import gettext

from publisher.items.library import ENDS_SOON
from publisher.models import Message, Picture

register = template.Library()


@register.filter
def focal(picture: Picture) -> str:
    """Where the focal point is, as CSS places it: “50% 20%”; the page's script gives it to the crop."""
    return f"{round(picture.focal_x * 100)}% {round(picture.focal_y * 100)}%"


@register.filter
def picture_name(picture: Picture) -> str:
    """What staff call a picture: its file's name, else the beginning of its description."""
    return picture.file_name or picture.alt[:60] or gettext("Picture %(number)s") % {"number": picture.pk}


@register.filter
def consent_ends(picture: Picture) -> str:
    """Whether the photo consent has ended ("over") or will within 30 days ("soon"); else ""."""
    today = timezone.localdate()
    if picture.consent_until is None or picture.consent_until > today + ENDS_SOON:
        return ""
    return "over" if picture.consent_until < today else "soon"


@register.filter
def permalink(message: Message) -> str:
    """Where a post stands in public, "" if its platform did not say."""
    parts = (part for delivery in message.deliveries.all() for part in delivery.parts.all())
    return next((part.permalink for part in parts if part.permalink), "")
