"""The registry of platforms: to add one, write its module and add one line here."""

from publisher.platforms.bluesky import BlueskyPlatform
from publisher.platforms.contract import Platform
from publisher.platforms.linkedin import LinkedInPlatform
from publisher.platforms.mastodon import MastodonPlatform
from publisher.platforms.practice import PracticePlatform
from publisher.platforms.telegram import TelegramPlatform
from publisher.platforms.webhook import WebhookPlatform
from publisher.platforms.x import XPlatform

# In the order in which they are offered.
_ALL: tuple[Platform, ...] = (
    PracticePlatform(),
    MastodonPlatform(),
    BlueskyPlatform(),
    LinkedInPlatform(),
    TelegramPlatform(),
    WebhookPlatform(),
    XPlatform(),
)
PLATFORMS: dict[str, Platform] = {platform.kind: platform for platform in _ALL}


def platform_choices() -> list[tuple[str, str]]:
    """Kinds and labels, for fields with callable choices (so a new plug-in needs no migration)."""
    return [(kind, str(platform.label)) for kind, platform in PLATFORMS.items()]
