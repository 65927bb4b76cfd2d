"""The composer's form for what a post has beside its text: what follows it, its link's card, who sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.compose.post_checks import part_name
from publisher.compose.post_pictures import pictures_of
from publisher.compose.social import abilities_of, card_or_picture, follow_up_length, most_follow_ups, thread_of
from publisher.compose.values import many_lines
from publisher.models import Account, Message
from publisher.platforms.abilities import FollowUp
from publisher.web.channel_habits import visibility_choices
from publisher.web.composer_forms import DraftField, DraftForm

# Cut the text into a thread, add a text after the post, remove one.
THREAD_VERBS = ("split", "more", "less")


def post_account(message: Message) -> Account:
    """The channel of a post."""
    assert message.account is not None, "a post belongs to a channel"
    return message.account


class KeptChoiceField(forms.ChoiceField):
    """A choice that is never empty on the page; without it in what was sent, the stored one stays."""

    def validate(self, value: Any) -> None:
        """Only what is offered, if anything."""
        if value:
            super().validate(value)


class MoreForm(DraftForm):
    """One field for each text that follows the post, whether its link's card is shown instead of the picture, and who
    sees it where that can be chosen."""

    card = forms.BooleanField(label=gettext_lazy("Show the link’s card instead of the picture"), required=False)

    visibility = KeptChoiceField(label=gettext_lazy("Who sees the post"))

    def __init__(self, message: Message, data: Any) -> None:
        self.message = message
        self.kind = abilities_of(post_account(message)).follow_up
        # Compared with what is typed; the message itself follows what is typed.
        self._stored, self._stored_card = list(message.follow_ups), message.prefers_card
        initial = {_name(number): text for number, text in enumerate(self._stored, 1)} | {"card": self._stored_card}
        self._stored_visibility = initial["visibility"] = message.visibility
        super().__init__(data, prefix=f"more-{message.pk}", initial=initial)
        if not card_or_picture(message):
            del self.fields["card"]
        elif len(pictures_of(message)) > 1:
            self.fields["card"].label = _("Show the link’s card instead of the pictures")
        offered = visibility_choices(post_account(message))
        self.fields["visibility"].choices = offered  # type: ignore[attr-defined]
        if len(offered) < 2:
            del self.fields["visibility"]
        for number in range(1, len(self._stored) + 1):
            self.fields[_name(number)] = DraftField(
                label=str(part_name(post_account(message), number)),
                widget=forms.Textarea(attrs={"rows": 4}),
                required=True,
            )

    @property
    def add_label(self) -> str:
        """What the button says that adds a text; "" if no more may be added."""
        if len(self._stored) >= most_follow_ups(post_account(self.message)):
            return ""
        return _("Add the first comment") if self.kind == FollowUp.COMMENT else _("Add a post to the thread")

    @property
    def can_split(self) -> bool:
        """Whether the post's text makes more than one post: it is too long, or a line of hyphens stands in it."""
        return self.kind == FollowUp.THREAD and len(thread_of(self.message, self.message.text)) > 1

    def texts(self) -> Iterator[tuple[BoundField, dict[str, int]]]:
        """Each field of a text that follows, with how much of the channel's limit it uses."""
        for number in range(1, len(self._stored) + 1):
            field = self[_name(number)]
            used, limit = follow_up_length(self.message, many_lines(str(field.value() or "")).strip())
            yield field, {"used": used, "limit": limit}

    def follow_ups(self) -> list[str]:
        """What was typed; a text that the page did not have stays. Ask once it is valid."""
        return [self._typed(number, text) for number, text in enumerate(self._stored, 1)]

    def _typed(self, number: int, stored: str) -> str:
        is_sent = self.add_prefix(_name(number)) in self.data
        return many_lines(str(self.cleaned_data[_name(number)])) if is_sent else stored

    def prefers_card(self) -> bool:
        """Whether the card was ticked; as before where there is nothing to choose."""
        return bool(self.cleaned_data["card"]) if "card" in self.fields else self._stored_card

    def visibility_chosen(self) -> str:
        """Who is to see it; as before where there is nothing to choose, or the page did not have the field."""
        return str(self.cleaned_data.get("visibility") or self._stored_visibility)

    @property
    def is_changed(self) -> bool:
        """Whether what was typed is not what is stored; ask once it is valid."""
        typed = (self.follow_ups(), self.prefers_card(), self.visibility_chosen())
        return typed != (self._stored, self._stored_card, self._stored_visibility)

    def go_on(self) -> None:
        """Let the page begin in the last text."""
        if self._stored:
            self.fields[_name(len(self._stored))].widget.attrs["autofocus"] = True

    def show_typed(self) -> None:
        """Put what was typed on the message in memory."""
        self.message.follow_ups, self.message.prefers_card = self.follow_ups(), self.prefers_card()


def _name(number: int) -> str:
    return f"text{number}"
