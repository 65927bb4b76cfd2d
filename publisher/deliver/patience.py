"""What the answers of mail servers say about a whole destination, or about our way out: it is time to slow down."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Set

from publisher.errors import OpslagError, TransientError
from publisher.schedule.destinations import destination_of

# 421, 450, 451, 452 speak of the destination (facts: SMTP replies), if they do not name one mailbox.
_CODES = {"421", "450", "451", "452"}
# RFC 3463: x.1.x and x.2.x speak of an address or a mailbox: full, moved, greylisted.
_ONE_MAILBOX = re.compile(r"4\.[12]\.\d{1,3}\b")
# Yahoo's TSS codes, Google's 4.7.28, Microsoft's 4.7.650 and its kin, and plain words: they leave no doubt.
_NO_DOUBT = re.compile(
    r"\bTSS\d\d|4\.7\.28\b|4\.7\.65\d|\brate\b.{0,20}\b(limit|exceed)|throttl|too (many|fast|much)|unusual rate"
    r"|temporarily deferred",
    re.IGNORECASE,
)
# So many in a row, none accepted between them, and it is not those recipients.
IN_A_ROW = 3
# So many in a row over so many destinations, and it is not they but our own mail server.
ALL_IN_A_ROW, DESTINATIONS = 10, 3


class Patience:
    """Listens to every answer; called in the couriers' event loop. The lane empties `tired`.

    `tired`: destinations that want less, each with the server's words; `worn_out`: our own mail server wants less;
    `tried`: destinations that are tried again after a rest, for which one refusal is enough; `in_a_row`: refusals by
    destination since it last accepted; where there are none, an accepted mail says nothing.
    """

    def __init__(self) -> None:
        self.in_a_row: dict[str, int] = {}
        self._since_accepted: list[str] = []
        self.tired: deque[tuple[str, OpslagError]] = deque()
        self.worn_out: OpslagError | None = None
        self.tried: frozenset[str] = frozenset()

    def accepted(self, address: str) -> None:
        """A mail was taken: whatever was in a row is not any more."""
        self._since_accepted = []
        self.in_a_row.pop(_destination(address), None)

    def refused(self, address: str, error: OpslagError) -> str:
        """One refusal; says which destination it was too much for, "" if none."""
        if isinstance(error, TransientError) and asks_to_slow_down(error):
            return self._count(_destination(address), error)
        return ""

    def _count(self, name: str, error: TransientError) -> str:
        row = self.in_a_row[name] = self.in_a_row.get(name, 0) + 1
        self._since_accepted.append(name)
        if len(self._since_accepted) >= ALL_IN_A_ROW and len(set(self._since_accepted)) >= DESTINATIONS:
            self.worn_out = error
            # It was not theirs.
            self.tired.clear()
        elif row >= IN_A_ROW or name in self.tried or leaves_no_doubt(error):
            self.in_a_row[name] = 0
            self.tired.append((name, error))
            return name
        return ""


def asks_to_slow_down(error: TransientError) -> bool:
    """Whether an answer may be meant for the destination, not for one of its mailboxes."""
    said = error.explanation.params
    return said.get("code") in _CODES and (not _ONE_MAILBOX.match(said.get("detail", "")) or leaves_no_doubt(error))


def leaves_no_doubt(error: TransientError) -> bool:
    """Whether it says in so many words that we are too fast."""
    return _NO_DOUBT.search(error.explanation.params.get("detail", "")) is not None


def _destination(address: str) -> str:
    return destination_of(address.rpartition("@")[2])


def of_destinations(names: Set[str], letters: Iterable[tuple[int, str]]) -> set[int]:
    """Of letters (number, address) those for one of the destinations."""
    return {number for number, address in letters if _destination(address) in names}
