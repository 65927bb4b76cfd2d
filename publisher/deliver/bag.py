"""The bag: the letters a lane has in hand, from claim to outcome. Couriers take from it, in their event loop.

Every delivery that is put in comes out once, as an outcome: what the server said, or handed back unstarted. The START
of a letter is in the journal before its first byte leaves, and its END before anybody else hears of it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop

from publisher.compose.compiled import Recipient, personalise
from publisher.compose.editions import Pieces, edition
from publisher.deliver import outcome
from publisher.deliver.claim import Claimed
from publisher.deliver.journal import Journal
from publisher.deliver.outcome import Outcome, Sent, Settled
from publisher.deliver.patience import Patience, of_destinations
from publisher.deliver.slots import Lease
from publisher.errors import AccountError, OpslagError, PermanentError, UncertainError
from publisher.models import Message
from publisher.transports.contract import Courier, Letter
from publisher.vocabulary import HoldReason, Reason

log = logging.getLogger(__name__)

# So many outcomes are worth a transaction of their own before the second is over.
WORTH_STORING = 1000
# With so many left it is time to claim the next ones.
RUNNING_LOW = 1000
# So many in a row that were handed over and never answered, beyond one for each connection (all of them break off at
# once when a relay restarts), or that could not even be written, and no more are risked.
UNANSWERED_ALLOWED = 5
UNWRITTEN_ALLOWED = 3
# The outcome is known all the same, and stored as long as this process lives.
_UNWRITABLE = "the journal cannot be written; an outcome is not in it"


@dataclass(eq=False)
class Batch:
    """One claim in hand, `number` in the journal.

    `return_paths`: the envelope sender of each delivery, `sender` for those that have none of their own. `stopped`:
    nothing more of it may start; `gone`: deliveries that may not start any more, because their recipient has left or,
    kept in `resting`, because their destination asked us to slow down; `unsettled`: how many have no stored outcome
    yet.
    """

    claim_id: uuid.UUID
    number: int
    message: Message
    mail: Pieces
    recipients: Sequence[Claimed]
    sender: str
    return_paths: Mapping[int, str] = field(default_factory=dict)
    unsettled: int = 0
    stopped: bool = False
    gone: set[int] = field(default_factory=set)
    resting: set[int] = field(default_factory=set)

    def set_aside(self, destinations: Set[str]) -> None:
        """Nothing more of it starts to any of these destinations."""
        letters = ((recipient.delivery_id, recipient.address) for recipient in self.recipients)
        self.resting = self.resting | of_destinations(destinations, letters)
        self.gone = self.gone | self.resting


class Bag:
    """Letters of several claims in the order in which they came. `on_news` is called when somebody should look.

    `troubles` are messages that must be held, each with why and with words for people; `unanswered` counts letters in
    a row that were handed over without an answer.
    """

    def __init__(self, journal: Journal, lease: Lease, on_news: Callable[[], None]) -> None:
        self._journal, self._lease, self._on_news = journal, lease, on_news
        self._waiting: deque[tuple[Batch, Claimed]] = deque()
        self._in_hand: dict[int, tuple[Batch, Claimed]] = {}
        self._outcomes: deque[tuple[Batch, Settled]] = deque()
        self._unwritten = 0
        self.patience = Patience()
        self.unanswered = 0
        self.troubles: deque[tuple[Message, HoldReason, OpslagError]] = deque()
        self.started = 0
        self.number_accepted = 0
        self.on_lost: Callable[[Courier, OpslagError | None], None] = lambda courier, error: None

    @property
    def waiting(self) -> int:
        """How many letters nobody has taken yet."""
        return len(self._waiting)

    @property
    def is_empty(self) -> bool:
        """Whether everything that was put in has its outcome."""
        return not self._waiting and not self._in_hand

    @property
    def is_worth_a_look(self) -> bool:
        """Whether there are outcomes enough to store."""
        return len(self._outcomes) >= WORTH_STORING

    def outcomes(self) -> list[tuple[Batch, Settled]]:
        """All outcomes since the last call; may be called from another thread."""
        return [self._outcomes.popleft() for _ in range(len(self._outcomes))]

    def put_in(self, batch: Batch) -> None:
        """Add a claim's recipients."""
        self._waiting.extend(zip(repeat(batch), batch.recipients))

    def hand_back_all(self) -> None:
        """Give back everything that no courier has taken yet."""
        now = timezone.now()
        while self._waiting:
            batch, recipient = self._waiting.popleft()
            self._hand_back(batch, recipient.delivery_id, now)
        self._on_news()

    # What couriers call.

    def take(self) -> Letter | None:
        """The next letter that may still go; what may not is handed back on the way."""
        while self._waiting:
            entry = batch, recipient = self._waiting.popleft()
            if not self._may_start(batch, recipient.delivery_id):
                self._hand_back(batch, recipient.delivery_id, timezone.now())
                continue
            if len(self._waiting) == RUNNING_LOW:
                self._on_news()
            letter = self._written(batch, recipient)
            if letter is not None:
                self._in_hand[letter.number] = entry
                return letter
        self._on_news()
        return None

    def _may_start(self, batch: Batch, delivery_id: int) -> bool:
        unhindered = not batch.stopped and delivery_id not in batch.gone
        return unhindered and self._lease.may_start() and not self._journal.is_broken

    def _written(self, batch: Batch, recipient: Claimed) -> Letter | None:
        number, address, name, token, _attempts, choices, consented = recipient
        try:
            content = personalise(edition(batch.mail, choices), Recipient(number, address, name, token, consented))
        except OpslagError as error:
            self._end(batch, recipient, error)
        except Exception:
            # One person's values must not keep everybody else's mail.
            log.exception("delivery %d cannot be written", recipient.delivery_id)
            words = gettext_noop("The mail could not be written for this recipient. Tell those who run Opslag.")
            unwritten = PermanentError(words, reason=Reason.REJECTED)
            self._unwritten += 1
            self._end(batch, recipient, unwritten)
            if self._unwritten >= UNWRITTEN_ALLOWED:
                self._stop(batch, HoldReason.CANNOT_COMPOSE, unwritten)
        else:
            self._unwritten = 0
            return Letter(number, batch.return_paths.get(number, batch.sender), address, content)
        return None

    def starting(self, letter: Letter) -> bool:
        """The last look before the first byte."""
        batch, _recipient = self._in_hand[letter.number]
        if not (self._may_start(batch, letter.number) and self._noted_start(batch, letter.number)):
            self._hand_back(batch, letter.number, timezone.now())
            del self._in_hand[letter.number]
            return False
        self.started += 1
        return True

    def _noted_start(self, batch: Batch, number: int) -> bool:
        try:
            self._journal.start(batch.number, number)
        except OSError:
            log.exception("the journal cannot be written; nothing more is started")
            self._on_news()
            return False
        return True

    def accepted(self, letter: Letter, code: int) -> None:
        """The server has it."""
        number, at_ns = letter.number, time.time_ns()
        batch, _recipient = self._in_hand.pop(number)
        self.number_accepted += 1
        self.unanswered = 0
        if self.patience.in_a_row:
            self.patience.accepted(letter.recipient)
        try:
            self._journal.accepted(batch.number, number, code, at_ns)
        except OSError:
            log.exception(_UNWRITABLE)
        self._put_out(batch, Sent(number, code, at_ns))

    def ended(self, letter: Letter, error: OpslagError) -> None:
        """The server's word on a letter that it did not take, or none."""
        batch, recipient = self._in_hand.pop(letter.number)
        self._end(batch, recipient, error)

    def _end(self, batch: Batch, recipient: Claimed, error: OpslagError) -> None:
        self._heed(batch, error)
        if tired := self.patience.refused(recipient.address, error):
            for each in {each for each, _recipient in self._waiting}:
                each.set_aside({tired})
            self._on_news()
        if self.patience.worn_out is not None:
            self.hand_back_all()
        self._settle(batch, outcome.of_error(recipient.delivery_id, error, recipient.attempts, timezone.now()))

    def _heed(self, batch: Batch, result: OpslagError) -> None:
        """Stop the message where going on would only do more of the same harm."""
        self.unanswered = self.unanswered + 1 if isinstance(result, UncertainError) else 0
        allowed = settings.OPSLAG_SMTP_CONNECTIONS + UNANSWERED_ALLOWED
        if isinstance(result, AccountError) or self.unanswered >= allowed:
            self._stop(batch, HoldReason.MAIL_SERVER, result)

    def _stop(self, batch: Batch, why: HoldReason, error: OpslagError) -> None:
        if not batch.stopped:
            self.troubles.append((batch.message, why, error))
        batch.stopped = True
        self._on_news()

    def _settle(self, batch: Batch, settled: Outcome) -> None:
        """An outcome: first into the journal, then to whoever stores it."""
        try:
            self._journal.end(batch.number, settled.delivery_id, settled.as_line())
        except OSError:
            log.exception(_UNWRITABLE)
        self._put_out(batch, settled)

    def _hand_back(self, batch: Batch, delivery_id: int, now: datetime) -> None:
        """It was not started: the journal says so by its silence."""
        self._put_out(batch, outcome.handed_back(delivery_id, now))

    def _put_out(self, batch: Batch, settled: Settled) -> None:
        self._outcomes.append((batch, settled))
        if len(self._outcomes) == WORTH_STORING:
            self._on_news()

    def brought_back(self, letter: Letter) -> None:
        """The courier's connection ended before it was its turn."""
        self._waiting.appendleft(self._in_hand.pop(letter.number))

    def lost(self, courier: Courier, error: OpslagError | None) -> None:
        """A courier is gone."""
        self.on_lost(courier, error)
        self._on_news()
