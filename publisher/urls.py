"""Every address of the web server."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path, re_path

from publisher.web.brand import brand_stylesheet
from publisher.web.design import design, design_mail, design_public
from publisher.web.frame import switch_language, switch_organisation
from publisher.web.health import healthz
from publisher.web.icon import favicon
from publisher.web.sign_in import SignIn

handler403 = "publisher.web.errors.permission_denied"
handler404 = "publisher.web.errors.page_not_found"
handler500 = "publisher.web.errors.server_error"

urlpatterns = [
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("organisation/", switch_organisation, name="switch-organisation"),
    path("language/", switch_language, name="language"),
    re_path(r"^brand/(?P<colour>[0-9A-Fa-f]{6})\.css$", brand_stylesheet, name="brand"),
    path("design/", design, name="design"),
    path("design/mail/", design_mail, name="design-mail"),
    path("design/public/", design_public, name="design-public"),
    path("favicon.ico", favicon, name="favicon"),
    path("healthz", healthz, name="healthz"),
    path("", include("publisher.api.urls")),
    path("", include("publisher.web.staff_urls")),
    path("", include("publisher.web.public_urls")),
    path("", include("publisher.web.office_urls")),
]
