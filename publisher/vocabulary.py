"""Every status, reason, event and queue, each word defined once. How statuses may change: `life_cycles`."""

from __future__ import annotations

from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class CampaignStatus(TextChoices):
    """Where the review of a send-out stands. Its progress is derived from its messages, never stored."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    CANCELLED = "cancelled", _("Cancelled")


class MessageStatus(TextChoices):
    """Where one message (a mail, a post) stands."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    HELD = "held", _("Held back")
    FINISHED = "finished", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")


class DeliveryStatus(TextChoices):
    """Where one message to one recipient stands. What comes back later is a timestamp, not a status."""

    PENDING = "pending", _("Waiting")
    SENDING = "sending", pgettext_lazy("delivery", "Sending")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    UNCERTAIN = "uncertain", _("Unconfirmed")
    SUPPRESSED = "suppressed", _("Skipped")
    CANCELLED = "cancelled", pgettext_lazy("delivery", "Cancelled")


FINAL_DELIVERY_STATUSES = (
    DeliveryStatus.SENT,
    DeliveryStatus.FAILED,
    DeliveryStatus.UNCERTAIN,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.CANCELLED,
)


class Visibility(TextChoices):
    """Who sees a post, in the words that platforms with a choice use for it."""

    PUBLIC = "public", _("Everyone")
    UNLISTED = "unlisted", _("Everyone, but not in the server’s public lists")
    PRIVATE = "private", _("Followers only")


class PartStep(TextChoices):
    """How far one public call of a post has come; each step is stored before its call is made."""

    WAITING = "waiting", _("Not started")
    PREPARING = "preparing", _("Uploading")
    PREPARED = "prepared", _("Uploaded")
    COMMITTING = "committing", _("Publishing")
    COMMITTED = "committed", _("Published")
    CONFIRMED = "confirmed", _("Published and read back")


# The steps of a part that everybody can see.
PUBLIC_STEPS = frozenset({PartStep.COMMITTED, PartStep.CONFIRMED})


class Calls(StrEnum):
    """What a platform that counts our calls may count apart."""

    ALL = "all"  # it counts all together, or does not say
    POSTS = "posts"
    UPLOADS = "uploads"
    DELETIONS = "deletions"
    LOOKS = "looks"  # reading: figures, a post whose answer was lost


class OperationKind(TextChoices):
    """What is done later to something published."""

    EDIT = "edit", _("Correction")
    DELETE = "delete", _("Withdrawal")


class OperationStatus(TextChoices):
    """Where a later change to something published stands."""

    PENDING = "pending", pgettext_lazy("operation", "Waiting")
    WORKING = "working", _("In progress")
    DONE = "done", _("Done")
    FAILED = "failed", pgettext_lazy("operation", "Could not be done")
    UNCERTAIN = "uncertain", pgettext_lazy("operation", "Unconfirmed")
    CANCELLED = "cancelled", pgettext_lazy("operation", "Cancelled")


class HoldReason(TextChoices):
    """Why a message was held back and waits for a person."""

    MISSED = "missed", _("The planned time passed while Opslag was not running")
    ACCOUNT_BROKEN = "account_broken", _("The channel must be connected again")
    COUNTS_DISAGREE = "counts_disagree", _("The recipients could not be counted the same way twice")
    WORKER_KILLED = "worker_killed", _("Preparing it stopped the worker three times")
    CANNOT_COMPOSE = "cannot_compose", _("It could not be turned into a mail or post")
    MAIL_SERVER = "mail_server", _("The mail server refuses us or does not answer")
    BOUNCES = "bounces", _("Mails come back")
    WITHDRAWN = "withdrawn", _("News in it was withdrawn")
    EVENT_OVER = "event_over", _("The event is over")
    EVENT_OFF = "event_off", _("The event is called off or put off")
    THROTTLED = "throttled", _("The channel has taken no more posts for a day")
    RESTORED = "restored", _("The installation was restored from a backup; it may already have been sent")


class Reason(TextChoices):
    """Why a delivery was skipped or failed; receipts group by it. Plug-ins may add words of their own."""

    UNSUBSCRIBED = "unsubscribed", _("has unsubscribed")
    BOUNCED = "bounced", _("the address bounced earlier")
    COMPLAINED = "complained", _("marked an earlier mail as spam")
    BLOCKED = "blocked", _("the address is blocked by hand")
    NOTHING_FOR_THEM = "nothing_for_them", _("no story concerns their choices")
    ERASED = "erased", _("the person was erased")
    CALLED_OFF = "called_off", _("the send-out was cancelled")
    RETURNED = "returned", _("came back from the receiving server")
    REFUSED = "refused", _("the receiving server refused the address")
    CONTENT_REFUSED = "content_refused", _("the receiving server refused the content")
    ATTEMPTS_USED_UP = "attempts_used_up", _("no success after several attempts")
    CONNECTION = "connection", _("no connection to the server")
    BUSY = "busy", _("the receiving server asked us to wait")
    ANSWER_LOST = "answer_lost", _("handed over, but the answer was lost")
    JOURNAL_LOST = "journal_lost", _("the worker's journal was lost")
    STOPPED_WORKER = "stopped_worker", _("stopped the worker three times")
    REJECTED = "rejected", _("the platform refused the post")
    DUPLICATE = "duplicate", _("the platform says that it has the post already")
    ACCOUNT = "account", _("the channel must be connected again")


class SuppressionReason(TextChoices):
    """Why an address must not be mailed."""

    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Marked as spam")
    BLOCKED = "blocked", _("Blocked by hand")


class EventKind(TextChoices):
    """What can come back about a mail, in django-anymail's words (`anymail.signals.EventType`)."""

    QUEUED = "queued", pgettext_lazy("event", "Queued")
    SENT = "sent", pgettext_lazy("event", "Sent on")
    REJECTED = "rejected", pgettext_lazy("event", "Refused")
    FAILED = "failed", pgettext_lazy("event", "Could not be sent")
    BOUNCED = "bounced", pgettext_lazy("event", "Came back")
    DEFERRED = "deferred", pgettext_lazy("event", "Delayed")
    DELIVERED = "delivered", pgettext_lazy("event", "Delivered")
    AUTORESPONDED = "autoresponded", pgettext_lazy("event", "Automatic reply")
    COMPLAINED = "complained", pgettext_lazy("event", "Marked as spam")
    UNSUBSCRIBED = "unsubscribed", pgettext_lazy("event", "Unsubscribed")
    UNKNOWN = "unknown", pgettext_lazy("event", "Unknown")
    # Ours: an unconfirmed post was asked about.
    LOOKED_FOR = "looked_for", pgettext_lazy("event", "Looked for")


class EventSource(StrEnum):
    """Who told us, besides the ESPs, which go by django-anymail's names."""

    SMTP = "smtp"
    MAILBOX = "mailbox"
    LOOK = "look"


class BounceClass(TextChoices):
    """Why a mail did not arrive, by whose move it is; what follows is in `track.addresses` and `track.breaker`."""

    HARD = "hard", _("The address does not exist")
    NO_ROUTE = "no_route", _("The address's domain takes no mail")
    DISABLED = "disabled", _("The mailbox is closed")
    SOFT = "soft", _("The mailbox could not take it for the time being")
    BLOCKED = "blocked", _("The receiving server's rules kept it out")
    OUR_FAULT = "our_fault", _("The receiving server does not accept us as sender")
    MESSAGE_FAULT = "message_fault", _("The receiving server does not accept this content")
    UNKNOWN = "unknown", _("The receiving server gave no reason we know")


class InboundKind(TextChoices):
    """What a mail in the mailbox is."""

    BOUNCE = "bounce", _("Returned mail")
    COMPLAINT = "complaint", _("Complaint")
    LEAVE = "leave", _("Unsubscribing by mail")
    WISH = "wish", _("Reply that asks to unsubscribe")
    AUTO_REPLY = "auto_reply", _("Automatic reply")
    REPLY = "reply", _("Reply")


class InboundStatus(TextChoices):
    """Where a mail from the mailbox stands."""

    NEW = "new", pgettext_lazy("inbound", "New")
    FORWARD = "forward", _("To be forwarded")
    NEEDS_PERSON = "needs_person", _("Needs a person")
    DONE = "done", pgettext_lazy("inbound", "Done")


class UncertainPolicy(TextChoices):
    """What an organisation wants with mails of which nobody can know whether they left."""

    LEAVE = "leave", _("Leave them: nobody gets it twice, some may not get it at all")
    RESEND = "resend", _("Send them again: everybody gets it, some may get it twice")


class ItemState(TextChoices):
    """How an item came to us: `seen` is back catalogue that nobody asked for and no rule may use.

    `held`: it looked new, but so much or so strangely at once that a person must say whether it is (items.quarantine).
    """

    SEEN = "seen", _("Back catalogue")
    NEW = "new", _("New")
    HELD = "held", pgettext_lazy("item", "Held back")


class Withdrawal(TextChoices):
    """Why an item is withdrawn: news that its publisher has taken back."""

    GONE = "gone", _("Its page is gone from the website")
    DELETED = "deleted", _("The source says that it is deleted")
    UNPUBLISHED = "unpublished", _("It is no longer published in the source")
    BY_HAND = "by_hand", _("Withdrawn by a colleague")


class EventStatus(TextChoices):
    """Whether an event takes place as announced, in schema.org's words (`EventStatusType`)."""

    SCHEDULED = "scheduled", pgettext_lazy("event", "Takes place")
    MOVED = "moved", pgettext_lazy("event", "Moved")
    POSTPONED = "postponed", pgettext_lazy("event", "Put off")
    CANCELLED = "cancelled", pgettext_lazy("event", "Called off")


class SourceStatus(TextChoices):
    """Whether a source is polled."""

    ACTIVE = "active", _("Active")
    PAUSED = "paused", pgettext_lazy("source", "Paused")
    BROKEN = "broken", _("Not working")


class AccountStatus(TextChoices):
    """Whether an account can publish."""

    CONNECTED = "connected", _("Connected")
    NEEDS_RECONNECT = "needs_reconnect", _("Must be connected again")
    DISCONNECTED = "disconnected", _("Disconnected")


class Outlet(TextChoices):
    """What kind of outlet a message is for."""

    EMAIL = "email", _("Mail")
    POST = "post", _("Post")


class RoleKind(TextChoices):
    """What a user may do in one organisation (`access.roles` says what each may)."""

    OWNER = "owner", _("Administrator")
    APPROVER = "approver", _("Editor who approves")
    EDITOR = "editor", _("Editor")
    READER = "reader", _("Reader")


class RuleTiming(TextChoices):
    """When what a rule made goes out."""

    AT_ONCE = "at_once", _("At once")
    AFTER_MINUTES = "after_minutes", _("After a number of minutes")
    NEXT_SLOT = "next_slot", _("At the channel's next posting time")


class RuleMode(TextChoices):
    """Whether what a rule made waits for a person."""

    REVIEW = "review", _("Ready draft, a person approves")
    AUTOMATIC = "automatic", _("Automatic")


class RuleMail(TextChoices):
    """How what a rule takes up goes to a newsletter's subscribers."""

    NEXT_ISSUE = "next_issue", _("In the newsletter’s next issue")
    OWN = "own", _("As a mail of its own")


class MatchOutcome(TextChoices):
    """What became of an item that a rule took up."""

    APPROVED = "approved", pgettext_lazy("rule", "Goes out by itself")
    IN_REVIEW = "in_review", pgettext_lazy("rule", "Draft for approval")
    JOINED = "joined", _("Put into the next issue")
    WAITING = "waiting", pgettext_lazy("rule", "Waits for its turn")
    CAPPED = "capped", _("Left out: over the daily limit")
    TOO_OLD = "too_old", _("Left out: too old by its turn")
    WITHDRAWN = "withdrawn", _("Left out: withdrawn or held back")
    UNWANTED = "unwanted", _("Left out: the rule no longer wants it")
    SWITCHED_OFF = "switched_off", _("Left out: the rule was switched off")
    ALREADY = "already", _("Left out: it is there already")
    IN_DRAFT = "in_draft", _("Left out: a colleague has begun a send-out of it")
    FAILED = "failed", _("Could not be used")


class LabelRuleKind(TextChoices):
    """By what a labelling knows an item."""

    CATEGORY = "category", _("The source’s category is")
    WORDS = "words", _("The text has the word")
    SOURCE = "source", _("It comes from the news source")


class BlockKind(TextChoices):
    """The parts an e-mail is built from."""

    LEAD_STORY = "lead_story", _("Lead story")
    STORY = "story", _("Story")
    HEADING = "heading", _("Heading")
    TEXT = "text", _("Text")
    DIVIDER = "divider", _("Divider")


class LinkCounting(TextChoices):
    """Which clicks on a newsletter's links are counted; individually only for those who said yes to that alone."""

    NONE = "none", _("Not at all")
    TOGETHER = "together", _("Together")
    ONE_BY_ONE = "one_by_one", _("One by one for those who have said yes")


class ConsentPurpose(TextChoices):
    """What a consent's text is about."""

    SUBSCRIPTION = "subscription", _("Subscription")
    TRACKING = "tracking", _("Whether they click")


class NoticeKind(TextChoices):
    """The transactional mails we write."""

    REVIEW_READY = "review_ready", _("A draft is ready for approval")
    NEW_ITEM = "new_item", _("A rule has made a draft of a new item")
    ALERT = "alert", _("Something needs a person")
    COMMENTS = "comments", _("New comments on posts")


class Queue(StrEnum):
    """The Celery queues. A test proves that each has a worker in docker-compose and under `opslag run`."""

    TICK = "tick"
    URGENT = "urgent"
    PREPARE = "prepare"
    BULK = "bulk"
    SOCIAL = "social"
    COLLECT = "collect"
    TRACK = "track"
