"""From a claim to a batch of letters: the compiled mail, its sender on the envelope, the recipients."""

from __future__ import annotations

import uuid
from functools import lru_cache

from publisher.compose.compiled import Segments, load_segments
from publisher.compose.return_path import return_addresses
from publisher.compose.wire import wire_address
from publisher.deliver import claim
from publisher.deliver.bag import Batch
from publisher.models import Edition, Message

# One edition is some 30 kB; a lane serves few messages at once.
_KEPT = 16


def batch_of(message: Message, claim_id: uuid.UUID) -> Batch:
    """All that couriers need for what was claimed. Raises InputError for a sender that no envelope can hold."""
    assert message.newsletter is not None
    recipients = claim.recipients(claim_id)
    return Batch(
        claim_id=claim_id,
        message=message,
        segments=_segments(message.public_id, message.campaign.approved_revision),
        recipients=recipients,
        sender=wire_address(message.newsletter.sender_email),
        return_paths=return_addresses([recipient.delivery_id for recipient in recipients]),
    )


@lru_cache(maxsize=_KEPT)
def _segments(public_id: uuid.UUID, revision: int | None) -> Segments:
    """Read once a process: the edition of an approved revision never changes."""
    return load_segments(Edition.objects.get(message__public_id=public_id))
