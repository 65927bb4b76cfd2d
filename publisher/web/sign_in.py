"""Signing in with e-mail address and password; django-axes counts wrong tries and locks."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.forms import EmailField, EmailInput
from django.utils.translation import gettext_lazy as _

from publisher.web.kept_words import words_in


class SignInForm(AuthenticationForm):
    """E-mail address and password; the address in any case of letters."""

    username = EmailField(
        label=_("E-mail address"),
        widget=EmailInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    error_messages = {  # noqa: RUF012 - Django reads it from the class
        "invalid_login": _("The e-mail address and the password do not belong together. Please try again."),
        "inactive": _("This account is closed. Ask your organisation’s administrator."),
    }

    def clean_username(self) -> str:
        """Addresses are kept in lower case."""
        address: str = self.cleaned_data["username"]
        return address.lower()


class SignIn(LoginView):
    """The sign-in page; who is signed in already goes on."""

    template_name = "web/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Says whether what was typed into a form is kept."""
        return super().get_context_data(**kwargs) | {"keeps_words": words_in(self.request) is not None}
