"""Puts the organisation that a member of staff works in on the request, and speaks their language in its time zone."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from publisher.models import Organisation, Role, User

ORGANISATION_KEY = "organisation"


class StaffRequest(HttpRequest):
    """What views get: `roles` are all of the user's, `role` the one in `organisation`; None when not signed in."""

    user: User
    roles: list[Role]
    role: Role | None
    organisation: Organisation | None


class CurrentOrganisation:
    """Sets request.organisation from the session, else from the role that the user was given first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: StaffRequest) -> HttpResponse:
        request.roles, request.role, request.organisation = [], None, None
        if request.user.is_authenticated:
            self.choose(request)
        if request.organisation is None:
            timezone.deactivate()
        return self.get_response(request)

    def choose(self, request: StaffRequest) -> None:
        """The session remembers the last choice; a role taken away since then is not used."""
        roles = request.user.roles.select_related("organisation").order_by("organisation__name")
        request.roles = list(roles)
        chosen = request.session.get(ORGANISATION_KEY)
        request.role = next((role for role in request.roles if role.organisation_id == chosen), None)
        if request.role is None and request.roles:
            request.role = min(request.roles, key=lambda role: role.pk)
        translation.activate(request.user.language)
        request.LANGUAGE_CODE = translation.get_language()
        if request.role:
            request.organisation = request.role.organisation
            timezone.activate(ZoneInfo(request.organisation.timezone))
