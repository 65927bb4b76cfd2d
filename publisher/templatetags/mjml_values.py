"""Values in MJML templates."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from publisher.compose import values

register = template.Library()


@register.filter
def in_attribute(value: object) -> SafeString:
    """Put a value into an attribute (or the title) of an MJML template; see `compose.values.in_attribute`."""
    return mark_safe(values.in_attribute(str(value)))  # noqa: S308 - nothing but ASCII and entities comes out
