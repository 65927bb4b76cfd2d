"""The bag: the letters a lane has in hand, from claim to outcome. Couriers take from it, in their event loop.

Every delivery that is put in comes out once, as an outcome: what the server said, or handed back as it was. The START
of a letter is in the journal before its first byte leaves, and its END before anybody else hears of it.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from publisher.compose.compiled import Recipient, Segments, personalise
from publisher.deliver import outcome
from publisher.deliver.claim import Claimed
from publisher.deliver.journal import Journal
from publisher.deliver.outcome import Outcome
from publisher.deliver.slots import Lease
from publisher.errors import AccountError, OpslagError
from publisher.models import Message
from publisher.transports.contract import Accepted, Courier, Letter

# So many outcomes are worth a transaction of their own before the second is over.
WORTH_STORING = 500
# With so many left it is time to claim the next ones.
RUNNING_LOW = 400


@dataclass(eq=False)
class Batch:
    """One claim in hand. `stopped`: nothing more of it may start; `refusal`: the server refuses us as its sender."""

    claim_id: uuid.UUID
    message: Message
    segments: Segments
    recipients: Sequence[Claimed]
    sender: str
    unsettled: int = 0
    stopped: bool = False
    refusal: AccountError | None = None
    gone: set[int] = field(default_factory=set)


class Bag:
    """Letters of several claims in the order in which they came. `on_news` is called when somebody should look."""

    def __init__(self, journal: Journal, lease: Lease, on_news: Callable[[], None]) -> None:
        self._journal, self._lease, self._on_news = journal, lease, on_news
        self._waiting: deque[tuple[Batch, Claimed]] = deque()
        self._in_hand: dict[int, tuple[Batch, Claimed]] = {}
        self._outcomes: deque[tuple[Batch, Outcome]] = deque()
        self.started = 0
        self.ended_well = 0
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

    def outcomes(self) -> list[tuple[Batch, Outcome]]:
        """All outcomes since the last call; may be called from another thread."""
        return [self._outcomes.popleft() for _ in range(len(self._outcomes))]

    def put_in(self, batch: Batch) -> None:
        """Add a claim's recipients."""
        self._waiting.extend((batch, recipient) for recipient in batch.recipients)

    def hand_back_all(self) -> None:
        """Give back everything that no courier has taken yet."""
        now = timezone.now()
        while self._waiting:
            batch, recipient = self._waiting.popleft()
            self._settle(batch, outcome.handed_back(recipient.delivery_id, now))
        self._on_news()

    # What couriers call.

    def take(self) -> Letter | None:
        """The next letter that may still go; what may not is handed back on the way."""
        while self._waiting:
            batch, recipient = self._waiting.popleft()
            if not self._may_start(batch, recipient.delivery_id):
                self._settle(batch, outcome.handed_back(recipient.delivery_id, timezone.now()))
                continue
            letter = self._written(batch, recipient)
            if len(self._waiting) == RUNNING_LOW:
                self._on_news()
            if letter is not None:
                self._in_hand[letter.number] = batch, recipient
                return letter
        self._on_news()
        return None

    def _may_start(self, batch: Batch, delivery_id: int) -> bool:
        return not batch.stopped and delivery_id not in batch.gone and self._lease.may_start()

    def _written(self, batch: Batch, recipient: Claimed) -> Letter | None:
        to = Recipient(recipient.delivery_id, recipient.address, recipient.name, recipient.token)
        try:
            content = personalise(batch.segments, to)
        except OpslagError as error:
            self._end(batch, recipient, error)
            return None
        return Letter(recipient.delivery_id, batch.sender, recipient.address, content)

    def starting(self, letter: Letter) -> bool:
        """The last look before the first byte."""
        batch, _recipient = self._in_hand[letter.number]
        if not self._may_start(batch, letter.number):
            self._settle(batch, outcome.handed_back(letter.number, timezone.now()))
            del self._in_hand[letter.number]
            return False
        self._journal.start(batch.claim_id, letter.number)
        self.started += 1
        return True

    def ended(self, letter: Letter, result: Accepted | OpslagError) -> None:
        """The server's word on a letter."""
        batch, recipient = self._in_hand.pop(letter.number)
        self._end(batch, recipient, result)

    def _end(self, batch: Batch, recipient: Claimed, result: Accepted | OpslagError) -> None:
        number, now = recipient.delivery_id, timezone.now()
        if isinstance(result, Accepted):
            self.ended_well += 1
            settled = outcome.sent(number, result.code, now)
        else:
            settled = outcome.of_error(number, result, recipient.attempts, now)
            if isinstance(result, AccountError) and batch.refusal is None:
                batch.refusal, batch.stopped = result, True
                self._on_news()
        self._journal.end(batch.claim_id, number, settled.as_line())
        self._settle(batch, settled)

    def _settle(self, batch: Batch, settled: Outcome) -> None:
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
