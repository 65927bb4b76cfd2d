"""What happens to a post after it is out: later changes, and what its platform counts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from publisher.models.channels import Account
from publisher.models.fields import EMPTY
from publisher.models.ledger import PostPart
from publisher.models.organisation import User
from publisher.models.scoped import ScopedModel
from publisher.vocabulary import OperationKind, OperationStatus


class Operation(ScopedModel):
    """A later change to one public part of a post: a new text for it, or taking it down.

    Claimed like a delivery (`claim_id`, `lease_until`), tried again at `due_at`; `attempts` counts calls that were
    begun. `begun_at` is stored before the call: without an outcome it may have been made. `strikes`: claims since the
    last outcome, of workers that died over it.
    """

    organisation_path = "part__delivery__message__campaign__organisation"
    part = models.ForeignKey(PostPart, models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=8, choices=OperationKind.choices)
    text = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=OperationStatus.choices, default=OperationStatus.PENDING)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    strikes = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    last_error = models.JSONField(default=dict)
    claim_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            # Of one part one change at a time: the later would be overwritten by the earlier that is tried again.
            models.UniqueConstraint(
                fields=["part"], condition=Q(status__in=["pending", "working", "uncertain"]), name="operation_one_open"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=Q(status__in=["pending", "working", "uncertain"]), name="operation_open"
            )
        ]


class PostFigures(ScopedModel):
    """What a platform counts about one public part of a post; NULL where it does not tell.

    `replies` are other people's: what followed our own post is not among them. `replies_seen`: how many of them staff
    have looked at; `replies_mailed`: of how many they got a mail. `read_at`: when the figures were read last;
    `next_at`: when the platform is asked again, NULL when it is not. `claim_id`: whose question is under way, until
    `next_at`; `attempts` counts questions without an answer since the last one, `last_error` says why the last had
    none. `gone_at`: when the platform said that it no longer has the post.
    """

    organisation_path = "account__organisation"
    part = models.OneToOneField(PostPart, models.CASCADE, related_name="figures")
    # Its delivery's: the way there leads through a table of millions.
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    likes = models.PositiveIntegerField(null=True)
    reposts = models.PositiveIntegerField(null=True)
    replies = models.PositiveIntegerField(null=True)
    views = models.PositiveBigIntegerField(null=True)
    replies_seen = models.PositiveIntegerField(default=0)
    replies_mailed = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    claim_id = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_error = models.JSONField(default=dict, db_default=EMPTY)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="figures_due"),
            models.Index(fields=["account"], condition=Q(replies__gt=F("replies_seen")), name="figures_unseen"),
        ]
