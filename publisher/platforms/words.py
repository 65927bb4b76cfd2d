"""How sentences of ours speak of a platform: what fits one (“on Mastodon”) does not fit another (“in your channel”)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Words:
    """`there`: where posts go out, with its preposition, to stand behind “Publish”.

    `connects`: what one connects, in the middle of a sentence; `who`: who answers us, at the beginning of one; "" where
    either is the platform by its name. `before_saving`: what is asked of the platform before its account is saved, ""
    for the usual question, who we are; `once_connected`: what a person should look at afterwards, "" for nothing.
    """

    there: StrOrPromise = ""
    connects: StrOrPromise = ""
    who: StrOrPromise = ""
    before_saving: StrOrPromise = ""
    once_connected: StrOrPromise = ""
