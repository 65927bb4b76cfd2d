"""From a claim to a batch of letters: the compiled mail, its sender on the envelope, the recipients."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache

from publisher.compose.editions import Pieces, load
from publisher.compose.wire import wire_address
from publisher.deliver.bag import Batch
from publisher.deliver.claim import Claimed
from publisher.models import CompiledMail, Message

# One mail is some 30 kB; a lane serves few messages at once.
_KEPT = 16


def batch_of(message: Message, claim_id: uuid.UUID, number: int, recipients: Sequence[Claimed]) -> Batch:
    """All that couriers need for what was claimed; `number` is the claim's in the journal.

    Raises InputError for a sender that no envelope can hold.
    """
    assert message.newsletter is not None
    return Batch(
        claim_id=claim_id,
        number=number,
        message=message,
        mail=_pieces(message.public_id, message.campaign.approved_revision),
        recipients=recipients,
        sender=wire_address(message.newsletter.sender_email),
        unsettled=len(recipients),
    )


@lru_cache(maxsize=_KEPT)
def _pieces(public_id: uuid.UUID, revision: int | None) -> Pieces:
    """Read once a process: the mail of an approved revision never changes."""
    return load(CompiledMail.objects.get(message__public_id=public_id))
