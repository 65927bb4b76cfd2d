"""A labelling as a person sets it up: by what it knows news, and which topics and areas that news gets."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from publisher.items.choices import areas_for, topics_for
from publisher.items.labels import Labelling
from publisher.models import Cooperation, LabelRule, Organisation, Source
from publisher.vocabulary import LabelRuleKind
from publisher.web.rule_form import WordsField


class LabellingForm(forms.ModelForm):  # type: ignore[type-arg]
    """`shared`: the cooperations for whose members this person may set one up."""

    words = WordsField(
        label=gettext_lazy("Words"),
        help_text=gettext_lazy(
            "One or more, with commas between them; one of them is enough. “*kunst*” also finds “kunstner” "
            "and “samtidskunst”."
        ),
    )
    owner = forms.ChoiceField(label=gettext_lazy("For"), required=False, widget=forms.RadioSelect)

    class Meta:
        model = LabelRule
        fields = ("kind", "words", "source", "topics", "areas")
        labels: ClassVar = {
            "kind": gettext_lazy("News that is meant"),
            "source": gettext_lazy("News source"),
            "topics": gettext_lazy("Topics"),
            "areas": gettext_lazy("Areas"),
        }
        widgets: ClassVar = {
            "kind": forms.RadioSelect,
            "topics": forms.CheckboxSelectMultiple,
            "areas": forms.CheckboxSelectMultiple,
        }

    def __init__(self, organisation: Organisation, *args: Any, shared: list[Cooperation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation
        self.shared = {str(cooperation.pk): cooperation for cooperation in shared}
        self.fields["kind"].choices = LabelRuleKind.choices  # type: ignore[attr-defined]
        for name, rows in (
            ("source", Source.objects.for_organisation(organisation).defer("credentials", "state").order_by("name")),
            ("topics", topics_for(organisation)),
            ("areas", areas_for(organisation)),
        ):
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
            self.fields[name].required = False
        self.fields["source"].empty_label = _("None")  # type: ignore[attr-defined]
        self._offer_owners()

    def _offer_owners(self) -> None:
        if not self.shared:
            del self.fields["owner"]
            return
        everyone = [(pk, _("Everybody in %(name)s") % {"name": row.name}) for pk, row in self.shared.items()]
        field = self.fields["owner"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", self.organisation.name), *everyone]
        self.initial.setdefault("owner", str(self.instance.cooperation_id or ""))

    def clean(self) -> dict[str, Any]:
        """The parts must fit together; what is shared may only give what is shared."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("kind") == LabelRuleKind.SOURCE:
            given["words"] = []
            if not given.get("source"):
                self.add_error("source", _("Choose the news source."))
        elif given.get("kind"):
            given["source"] = None
            if not given.get("words"):
                self.add_error("words", _("Write at least one word."))
        if not given.get("topics") and not given.get("areas"):
            self.add_error(None, _("Choose at least one topic or area that the news gets."))
        if given.get("owner"):
            self._check_shared(given, self.shared[given["owner"]])
        return given

    def _check_shared(self, given: dict[str, Any], cooperation: Cooperation) -> None:
        if given.get("kind") == LabelRuleKind.SOURCE:
            self.add_error("owner", _("A news source is one organisation’s own: this can only be for you."))
        labels = [*(given.get("topics") or ()), *(given.get("areas") or ())]
        own = [label.name for label in labels if label.cooperation_id != cooperation.pk]
        if own:
            words = _("Only topics and areas of %(name)s can be for everybody there; these are not: %(own)s.")
            self.add_error("owner", words % {"name": cooperation.name, "own": ", ".join(own)})

    def _post_clean(self) -> None:
        owner = self.shared.get(self.cleaned_data.get("owner") or "")
        self.instance.cooperation = owner
        self.instance.organisation = None if owner else self.organisation
        super()._post_clean()  # type: ignore[misc]

    def labelling(self) -> Labelling:
        """What was typed, as it would be applied."""
        given = self.cleaned_data
        source = given.get("source")
        return Labelling(
            given["kind"],
            given["words"],
            source.pk if source else None,
            list(given["topics"]),
            list(given["areas"]),
        )
