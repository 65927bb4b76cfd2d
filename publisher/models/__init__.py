"""The nouns, in the order in which the data meets them."""

from publisher.models.organisation import (
    AuditEntry,
    Cooperation,
    Membership,
    Organisation,
    Role,
    StopStamp,
    User,
)

from publisher.models.news import Area, Item, ItemRevision, Picture, Sighting, Source, Topic  # isort: skip
from publisher.models.audience import (  # isort: skip
    Consent,
    ConsentText,
    Newsletter,
    Subscriber,
    Subscription,
    Suppression,
)
from publisher.models.channels import Account, PracticeChannel, PracticePicture, PracticePost, Slot  # isort: skip
from publisher.models.sendout import Block, Campaign, CampaignItem, CompiledMail, Message, Rule, RuleMatch  # isort: skip
from publisher.models.ledger import (  # isort: skip
    Claim,
    Delivery,
    DeliveryCount,
    Event,
    Heartbeat,
    LaneSlot,
    Notice,
    PostPart,
    TransportHealth,
    deliveries_to,
)
from publisher.models.inbound import InboundMail, Mailbox  # isort: skip

__all__ = [
    "Account",
    "Area",
    "AuditEntry",
    "Block",
    "Campaign",
    "CampaignItem",
    "Claim",
    "CompiledMail",
    "Consent",
    "ConsentText",
    "Cooperation",
    "Delivery",
    "DeliveryCount",
    "Event",
    "Heartbeat",
    "InboundMail",
    "Item",
    "ItemRevision",
    "LaneSlot",
    "Mailbox",
    "Membership",
    "Message",
    "Newsletter",
    "Notice",
    "Organisation",
    "Picture",
    "PostPart",
    "PracticeChannel",
    "PracticePicture",
    "PracticePost",
    "Role",
    "Rule",
    "RuleMatch",
    "Sighting",
    "Slot",
    "Source",
    "StopStamp",
    "Subscriber",
    "Subscription",
    "Suppression",
    "Topic",
    "TransportHealth",
    "User",
    "deliveries_to",
]
