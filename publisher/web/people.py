"""People and roles: everyone sees who works here; administrators invite, change and remove."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from publisher.access import people as access
from publisher.errors import InputError
from publisher.models import Role
from publisher.models.scoped import ScopedQuerySet
from publisher.vocabulary import RoleKind
from publisher.web.kept_words import keeps_words
from publisher.web.settings_pages import tabs
from publisher.web.staff import OwnRequest, may, own, staff

WHAT_THEY_MAY = {
    RoleKind.READER: gettext_lazy("sees everything, changes nothing"),
    RoleKind.EDITOR: gettext_lazy("writes and plans, hands in for approval"),
    RoleKind.APPROVER: gettext_lazy("also approves, sends and stops"),
    RoleKind.OWNER: gettext_lazy("also channels, newsletters, people"),
}


def _choices() -> list[tuple[str, str]]:
    return [(kind.value, f"{kind.label}: {may}") for kind, may in WHAT_THEY_MAY.items()]


class RoleForm(forms.Form):
    """What somebody may do."""

    kind = forms.TypedChoiceField(
        label=gettext_lazy("Role"), widget=forms.RadioSelect, choices=_choices, coerce=RoleKind, initial=RoleKind.EDITOR
    )


class InviteForm(RoleForm):
    """Somebody new."""

    name = forms.CharField(
        label=pgettext_lazy("person", "Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("What the person signs in with."),
    )
    field_order = ("name", "email", "kind")


@staff()
@require_safe
def people(request: OwnRequest) -> HttpResponse:
    """Everybody who works here."""
    roles = sorted(_own(request), key=lambda role: str(role.user).lower())
    context = {
        "title": _("People"),
        "state": ngettext("%(number)s person works here.", "%(number)s people work here.", len(roles))
        % {"number": len(roles)},
        "tabs": tabs("people"),
        "rows": [(role, WHAT_THEY_MAY[RoleKind(role.kind)]) for role in roles],
        "may_manage": may(request, "manage"),
    }
    return render(request, "web/settings/people.html", context)


@keeps_words
@staff("manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def person_invite(request: OwnRequest) -> HttpResponse:
    """A role for somebody; a new user's password is shown once, to hand over."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            invited = access.invite(
                request.organisation, request.user, email=given["email"], name=given["name"], kind=given["kind"]
            )
        except InputError as error:
            form.add_error("email", str(error))
        else:
            if invited.password:
                return _hand_over(request, invited.role, invited.password)
            messages.success(
                request,
                _("%(name)s can work here now, with the same password as before.") % {"name": invited.role.user},
            )
            return redirect("people")
    context = {
        "title": _("Invite a colleague"),
        "state": _("They sign in with their e-mail address and a password that you hand over."),
        "form": form,
        "button": _("Invite"),
        "back_url": reverse("people"),
        "back_label": _("People"),
    }
    return render(request, "web/one_form.html", context, status=422 if form.errors else 200)


@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: OwnRequest, pk: int) -> HttpResponse:
    """One person's role, to change or take away."""
    role = own(_own(request), pk)
    form = RoleForm(request.POST or None, initial={"kind": role.kind})
    if request.method == "POST" and form.is_valid():
        try:
            access.change_role(role, request.user, form.cleaned_data["kind"])
        except InputError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("people")
    context = {
        "title": str(role.user),
        "state": role.user.email,
        "role": role,
        "form": form,
        "may_give_password": access.may_give_password(role, request.user),
    }
    return render(request, "web/settings/person.html", context, status=422 if form.errors else 200)


@staff("manage")
@require_http_methods(["GET", "HEAD", "POST"])
def person_remove(request: OwnRequest, pk: int) -> HttpResponse:
    """Ask first; then the person no longer works here."""
    role = own(_own(request), pk)
    if request.method == "POST":
        try:
            access.remove(role, request.user)
        except InputError as error:
            messages.error(request, str(error))
            return redirect("person", pk=pk)
        messages.success(request, _("%(name)s no longer works here.") % {"name": role.user})
        return redirect("people")
    context = {
        "title": _("Take away %(name)s’s access?") % {"name": role.user},
        "sentences": [_("They can no longer sign in here. What they wrote and approved stays, with their name.")],
        "button": _("Take away access"),
        "back_url": reverse("person", args=[pk]),
        "back_label": str(role.user),
    }
    return render(request, "web/confirm.html", context)


@staff("manage")
@never_cache
@require_POST
def person_password(request: OwnRequest, pk: int) -> HttpResponse:
    """A new password for somebody who forgot theirs, shown once."""
    role = own(_own(request), pk)
    try:
        return _hand_over(request, role, access.give_password(role, request.user))
    except InputError as error:
        messages.error(request, str(error))
        return redirect("person", pk=pk)


@staff()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_password(request: OwnRequest) -> HttpResponse:
    """One's own password."""
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, _("Your password is changed."))
        return redirect("people")
    context = {
        "title": _("Change your password"),
        "state": _("At least 12 characters; three or four words are easy to remember."),
        "form": form,
        "button": _("Change password"),
        "back_url": reverse("people"),
        "back_label": _("People"),
    }
    return render(request, "web/one_form.html", context, status=422 if form.errors else 200)


def _own(request: OwnRequest) -> ScopedQuerySet[Role]:
    return Role.objects.for_organisation(request.organisation).select_related("user", "organisation")


def _hand_over(request: OwnRequest, role: Role, password: str) -> HttpResponse:
    context = {
        "title": _("Give this to %(name)s") % {"name": role.user},
        "state": _("The password is shown only now. Hand it over in person or by phone, not by mail."),
        "role": role,
        "password": password,
    }
    return render(request, "web/settings/hand_over.html", context)
