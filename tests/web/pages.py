"""The addresses of the product and one plain page in the staff's frame, to test the frame by."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from publisher.urls import handler403, handler404, handler500
from publisher.urls import urlpatterns as product

__all__ = ["handler403", "handler404", "handler500", "urlpatterns"]


def framed(request: HttpRequest) -> HttpResponse:
    return render(request, "web/frame.html", {"title": "En side", "state": "Den står i rammen."})


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


urlpatterns = [
    path("framed/", framed, name="framed"),
    path("forbidden/", forbidden),
    path("broken/", broken),
    *product,
]
