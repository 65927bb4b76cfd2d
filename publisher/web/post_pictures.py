"""The pictures of posts: further ones for all that show the same, and the pages of one channel's own."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from publisher.compose.draft_pictures import Move, add_pictures, arrange, follow
from publisher.compose.post_checks import fewer_pictures
from publisher.compose.post_pictures import WITH_PICTURES, pictures_of
from publisher.items.library import library
from publisher.models import Campaign, Message, Picture
from publisher.review.drafting import open_for_change
from publisher.templatetags.dates import number
from publisher.templatetags.sendouts import names
from publisher.vocabulary import CampaignStatus, MessageStatus, Outlet
from publisher.web.picture_forms import UploadForm
from publisher.web.pictures import PER_PAGE, taken
from publisher.web.shots import following
from publisher.web.staff import OwnRequest, id_in, own, own_campaign, refusals_said, staff

FOLLOW = "follow"


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: OwnRequest, campaign_id: int) -> HttpResponse:
    """Further pictures, from the library or from files: for the posts that show the same, or for one (?post=…)."""
    campaign = own_campaign(request, campaign_id)
    if campaign.status != CampaignStatus.DRAFT:
        return redirect("sendout", campaign.pk)
    posts, only = _posts(campaign), request.GET.get("post", "")
    to = [_post_in(posts, id_in(only))] if only else following(posts)
    back = reverse("post-pictures", args=[campaign.pk, to[0].pk]) if only else _composer(campaign)
    form = UploadForm(request.POST, request.FILES) if request.FILES else UploadForm()
    if request.method == "POST":
        chosen = _chosen(request, form)
        if chosen and _add(request, campaign, to, chosen):
            return redirect(back)
        if not chosen and not form.errors:
            messages.error(request, _("Choose at least one picture, or a file."))
    places = names([str(post.account) for post in to], 4)
    context = {
        "title": _("Add pictures"),
        "state": _("For %(places)s. They come after the pictures that are there.") % {"places": places},
        "page": Paginator(library(request.organisation, query=request.GET.get("q", "").strip()), PER_PAGE).get_page(
            request.GET.get("page")
        ),
        "query": request.GET.get("q", "").strip(),
        "there": {each.picture for post in to for each in pictures_of(post)},
        "form": form,
        "post": only,
        "back_url": back,
        "back_label": campaign.title,
    }
    return render(request, "web/pictures/add_to_posts.html", context, status=422 if form.errors else 200)


def _chosen(request: OwnRequest, form: UploadForm) -> list[Picture]:
    """The ticked pictures in the order of the page, then those of the files; what is wrong with a file is said."""
    ids = [id_in(each) for each in request.POST.getlist("picture")[:PER_PAGE]]
    mine = Picture.objects.for_organisation(request.organisation).in_bulk(ids)
    chosen = [mine[pk] for pk in ids if pk in mine]
    if request.FILES and form.is_valid():
        kept, refused = taken(request, form.cleaned_data["pictures"])
        for words in refused:
            messages.error(request, words)
        chosen += kept
    return chosen


def _add(request: OwnRequest, campaign: Campaign, posts: list[Message], chosen: list[Picture]) -> bool:
    with refusals_said(request), transaction.atomic():
        open_for_change(campaign, request.user)
        add_pictures(posts, chosen)
        words = ngettext("%(number)s picture is added.", "%(number)s pictures are added.", len(chosen))
        if not all(picture.alt for picture in chosen):
            words += " " + _("Say what they show.")
        messages.success(request, words % {"number": number(len(chosen))})
        return True
    return False


@staff("edit")
@require_http_methods(["GET", "HEAD", "POST"])
def post(request: OwnRequest, campaign_id: int, message_id: int) -> HttpResponse:
    """One channel's own pictures: in another order, fewer or more than on the others, or the same again."""
    campaign = own_campaign(request, campaign_id)
    if campaign.status != CampaignStatus.DRAFT:
        return redirect("sendout", campaign.pk)
    posts = _posts(campaign)
    mine = _post_in(posts, message_id)
    others = following([each for each in posts if each != mine])
    if request.method == "POST":
        verb, _colon, subject = request.POST.get("do", "").partition(":")
        with refusals_said(request), transaction.atomic():
            open_for_change(campaign, request.user)
            if verb == FOLLOW and others:
                follow(mine, others[0])
            elif verb in set(Move):
                arrange([mine], _own(request, subject), Move(verb))
        return redirect(request.path)
    shown = pictures_of(mine)
    context = {
        "title": _("Pictures on %(name)s") % {"name": mine.account},
        "state": _("The other channels keep theirs. The descriptions are written in the draft."),
        "post": mine,
        "shown": shown,
        "fewer": fewer_pictures(mine),
        "differs": bool(others) and _ids(mine) != _ids(others[0]),
        "add_url": f"{reverse('draft-pictures-add', args=[campaign.pk])}?post={mine.pk}",
        "back_url": _composer(campaign),
        "back_label": campaign.title,
    }
    return render(request, "web/pictures/of_post.html", context)


def _composer(campaign: Campaign) -> str:
    return reverse("composer", args=[campaign.pk]) + "#pictures"


def _posts(campaign: Campaign) -> list[Message]:
    """The draft's posts with their pictures, as the composer shows them."""
    posts = list(
        campaign.messages.filter(outlet=Outlet.POST)
        .exclude(status=MessageStatus.CANCELLED)
        .select_related("account", "campaign")
    )
    prefetch_related_objects(posts, WITH_PICTURES)
    if not posts:
        raise Http404
    return posts


def _post_in(posts: list[Message], pk: int) -> Message:
    found = next((each for each in posts if each.pk == pk), None)
    if found is None:
        raise Http404
    return found


def _own(request: OwnRequest, subject: str) -> Picture:
    return own(Picture.objects.for_organisation(request.organisation), id_in(subject))


def _ids(message: Message) -> list[int]:
    return [each.picture_id for each in pictures_of(message)]
