"""The consent to our noting that a person clicks: apart from the subscription, off until given, easy to take back."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from publisher.models import Consent, ConsentText, Delivery, Newsletter, Subscription, deliveries_to
from publisher.vocabulary import ConsentPurpose, LinkCounting

SOURCE = "tracking"


def asks_for_tracking(newsletter: Newsletter) -> bool:
    """Whether the organisation chose to note, of those who say yes, that they click."""
    return newsletter.link_counting == LinkCounting.ONE_BY_ONE


def tracking_words(newsletter: Newsletter, language: str) -> str:
    """What a person says yes to: who, what, what for, and that it can be taken back (GDPR article 7)."""
    with translation.override(language):
        return _(
            "%(organisation)s may note that I have clicked a link in %(newsletter)s, to learn whether the newsletter "
            "is of use. They see that I clicked, not which link. I can take this back here at any time, and what was "
            "noted is deleted."
        ) % {"organisation": newsletter.organisation.name, "newsletter": newsletter.name}


@transaction.atomic
def allow_tracking(subscription: Subscription, language: str) -> bool:
    """The person has read `tracking_words` in this language and says yes. False where nobody asks, or they have left.

    Saying it again changes nothing.
    """
    found = _locked(subscription)
    if not asks_for_tracking(found.newsletter) or found.unsubscribed_at is not None:
        return False
    if found.tracking_consent_at is None:
        found.tracking_consent_at = timezone.now()
        found.save(update_fields=["tracking_consent_at"])
        words = tracking_words(found.newsletter, language)
        text, _created = ConsentText.objects.get_or_create(
            newsletter=found.newsletter, language=language, purpose=ConsentPurpose.TRACKING, text=words
        )
        Consent.objects.create(subscription=found, text=text, source=SOURCE)
    return True


@transaction.atomic
def refuse_tracking(subscription: Subscription) -> None:
    """The person takes it back: from now on for every mail they ever got, and what was noted goes."""
    found = _locked(subscription)
    if found.tracking_consent_at is None:
        return
    found.tracking_consent_at = None
    found.save(update_fields=["tracking_consent_at"])
    said = Consent.objects.filter(subscription=found, source=SOURCE, given=True).order_by("-pk").first()
    Consent.objects.create(subscription=found, text=said.text if said else None, source=SOURCE, given=False)
    forget_clicks(found)


def forget_clicks(subscription: Subscription) -> None:
    """Delete what was noted of a person's clicks in this newsletter."""
    theirs = deliveries_to(subscription.subscriber).filter(message__newsletter=subscription.newsletter_id)
    noted = list(theirs.filter(clicked_at__isnull=False).values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=noted).update(clicked_at=None)


def _locked(subscription: Subscription) -> Subscription:
    rows = Subscription.objects.select_for_update(of=("self",))
    return rows.select_related("newsletter__organisation", "subscriber").get(pk=subscription.pk)
