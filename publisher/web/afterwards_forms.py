"""What staff fill in to correct a send-out everywhere: what was wrong, common texts, and what happens to each post."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from publisher.compose.news_page import links_here
from publisher.compose.values import many_lines
from publisher.models import PostPart
from publisher.platforms.abilities import FollowUp
from publisher.review.afterwards import NOTE_LENGTH
from publisher.review.asking import text_of
from publisher.review.outs import Out
from publisher.templatetags.dates import number
from publisher.templatetags.sendouts import names
from publisher.vocabulary import Outlet

KEEP, EDIT, DOWN = "keep", "edit", "down"


class NoteForm(forms.Form):
    """What was wrong, and whether those who got the mail are told."""

    note = forms.CharField(
        label=gettext_lazy("What was wrong?"),
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    mail = forms.BooleanField(label=gettext_lazy("Prepare a mail to those who got it"), required=False)

    def __init__(self, data: Any, found: list[Out]) -> None:
        super().__init__(data)
        mails = [out for out in found if out.message.outlet == Outlet.EMAIL]
        reached = sum(out.reached for out in mails)
        self.fields["note"].help_text = _seen_where(found, has_mail=any(not out.is_planned for out in mails))
        if not reached:
            del self.fields["mail"]
            return
        words = ngettext(
            "It goes to %(number)s who got the mail, after you have read and approved it.",
            "It goes to the %(number)s who got the mail, after you have read and approved it.",
            reached,
        )
        self.fields["mail"].help_text = words % {"number": number(reached)}


def _seen_where(found: list[Out], *, has_mail: bool) -> str:
    if has_mail:
        return _("Stands above the mail on its web page, and in the mail to those who got it.")
    if any(links_here(out.message, told=True) for out in found):
        return _("Stands on our page of the news, which posts link to, and in the history of the send-out.")
    return _("For your colleagues: it stands in the history of the send-out.")


class PostForm(forms.Form):
    """What happens to one post: to its text, and that of each part which follows it."""

    do = forms.ChoiceField(label=gettext_lazy("On this channel"), widget=forms.RadioSelect)

    def __init__(self, data: Any, out: Out) -> None:
        self.channel = str(out.message.account)
        super().__init__(data, prefix=f"post-{out.message.pk}", initial={"do": EDIT if out.edits else KEEP})
        choices = [(KEEP, _("Leave the post as it is"))]
        self.parts = {_field_of(part): part for part in out.within_reach} if out.edits else {}
        for name, part in self.parts.items():
            self.fields[name] = forms.CharField(
                label=_label_of(part, out), required=False, initial=text_of(part), widget=forms.Textarea({"rows": 5})
            )
        if self.parts:
            choices.insert(0, (EDIT, _("Change the text of the post")))
        if out.deletes:
            choices.append((DOWN, _("Take the post down")))
        self.fields["do"].choices = choices  # type: ignore[attr-defined]
        self.follows: set[str] = set()

    @property
    def texts(self) -> dict[int, str]:
        """Part id → the text that was typed for it alone."""
        return {part.pk: self.cleaned_data.get(name, "") for name, part in self.parts.items()}

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """The texts that no other post has."""
        return [self[name] for name in self.parts if name not in self.follows]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        """Those that follow a common text, for whoever wants another one on this channel alone."""
        return [self[name] for name in self.parts if name in self.follows]

    @property
    def differs(self) -> bool:
        """Whether one of those is another text by now."""
        return self.is_bound and any(not _is_as_it_was(self, name) for name in self.follows)


class CommonForm(forms.Form):
    """The texts that several posts share, each to be corrected once for all of them.

    What is typed for one channel alone counts there.
    """

    def __init__(self, data: Any, found: list[PostForm]) -> None:
        super().__init__(data, prefix="common")
        self._sharing: dict[str, list[tuple[PostForm, str]]] = {}
        by_text: dict[str, list[tuple[PostForm, str]]] = {}
        for form in found:
            for name in form.parts:
                by_text.setdefault(many_lines(form.fields[name].initial), []).append((form, name))
        for text, sharing in by_text.items():
            if text and len({form.prefix for form, _name in sharing}) > 1:
                self._add(text, sharing)

    def _add(self, text: str, sharing: list[tuple[PostForm, str]]) -> None:
        name = f"text-{len(self._sharing)}"
        self._sharing[name] = sharing
        for form, own in sharing:
            form.follows.add(own)
        channels = names(dict.fromkeys(form.channel for form, _own in sharing), len(sharing))
        self.fields[name] = forms.CharField(
            label=_("New text on %(channels)s") % {"channels": channels},
            help_text=_("One text for all of them. Below you can give one of them another, or leave it as it is."),
            required=False,
            initial=text,
            widget=forms.Textarea({"rows": 5}),
        )

    @property
    def texts(self) -> dict[int, str]:
        """Part id → the common text, where it was changed and nothing else was typed for the part."""
        return {
            form.parts[own].pk: self.cleaned_data[name]
            for name, sharing in self._sharing.items()
            if not _is_as_it_was(self, name)
            for form, own in sharing
            if form.cleaned_data["do"] == EDIT and _is_as_it_was(form, own)
        }


def _is_as_it_was(form: forms.Form, name: str) -> bool:
    return many_lines(form[name].value() or "") == many_lines(form.fields[name].initial or "")


def _field_of(part: PostPart) -> str:
    return f"text-{part.position}" if part.position else "text"


def _label_of(part: PostPart, out: Out) -> str:
    if not part.position:
        return _("New text")
    if out.abilities and out.abilities.follow_up == FollowUp.COMMENT:
        return _("New text of the first comment")
    return _("New text of post %(number)s in the thread") % {"number": number(part.position + 1)}
