"""The composer: a draft's words on the left, what its readers will see on the right, what will happen at the foot."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect, reselect, reswap, retarget

from publisher.compose.drafts import arrange_blocks
from publisher.compose.preflight import Check
from publisher.errors import InputError
from publisher.models import Campaign
from publisher.review.approval import approve, send_now, submit
from publisher.review.drafting import last_hand, open_for_change
from publisher.templatetags.changes import questions_about
from publisher.vocabulary import CampaignStatus
from publisher.web import inserting
from publisher.web.draft import ConflictError, Difference, Draft, change_thread
from publisher.web.inserting import Inserts
from publisher.web.more_form import THREAD_VERBS
from publisher.web.obstacle import Obstacle, of_draft
from publisher.web.previews import preview
from publisher.web.promise import Promise, error_count, open_checks, promise
from publisher.web.shots import ADD_VERB, OWN_VERB, SHOT_VERBS
from publisher.web.show_as import Seen
from publisher.web.staff import OwnRequest, may, own_campaign, refusals_said, staff


@login_not_required
def composer(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page, and everything that its one form sends. Signed out meanwhile: say so and keep what was typed."""
    if request.user.is_authenticated:
        return _composer(request, campaign_id)
    if request.headers.get("HX-Request"):
        context = {"again": reverse("composer-again", args=[campaign_id])}
        return render(request, "web/composer/signed_out.html", context, status=401)
    return redirect_to_login(request.get_full_path())


@login_not_required
def again(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Asked by a page whose token was refused or whose reader was signed out: the token that its form needs now."""
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    return render(request, "web/composer/signed_in.html")


@staff("edit")
def _composer(request: OwnRequest, campaign_id: int) -> HttpResponse:
    campaign = own_campaign(request, campaign_id)
    if campaign.status != CampaignStatus.DRAFT:
        return _closed(request, campaign)
    if request.method != "POST":
        return Page(request, campaign, Draft(campaign)).whole()
    return Page(request, campaign, Draft(campaign, _typed(request))).take()


def _typed(request: OwnRequest) -> QueryDict:
    """What was typed; a suggested time of day that was pressed, or a text that was put in, counts as typed."""
    verb, _colon, clock = request.POST.get("do", "").partition(":")
    if verb == inserting.VERB:
        return inserting.put(request.POST, request.organisation)
    if verb != "clock":
        return request.POST
    data = request.POST.copy()
    data["when-clock"] = clock
    return data


def _closed(request: OwnRequest, campaign: Campaign) -> HttpResponse:
    """It is no draft any more, for example since the button was pressed twice: the send-out's own page says more."""
    if request.method == "POST" and not request.POST.get("do"):
        return render(request, "web/composer/closed.html", {"campaign": campaign}, status=422)
    return _go(request, reverse("sendout", args=[campaign.pk]))


def _go(request: OwnRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


class Page:
    """One answer of the composer."""

    def __init__(self, request: OwnRequest, campaign: Campaign, draft: Draft) -> None:
        self.request, self.campaign, self.draft = request, campaign, draft
        self.do = request.POST.get("do", "")
        self.trouble = ""
        self.conflict: list[Difference] = []
        self.saved = False
        self.mail_changed = False
        self.moved: int | None = None

    def take(self) -> HttpResponse:
        """Store what was typed, then do what the button says."""
        try:
            self._store()
        except InputError as error:
            self.trouble = str(error)
        if not self.do and self.request.htmx:
            return self._live()
        if self.trouble or not self.saved:
            return self.whole(status=422)
        return self._act()

    def _store(self) -> None:
        draft = self.draft
        if not draft.is_valid():
            return
        differences = draft.differences()
        try:
            if differences:
                self.mail_changed = draft.save(self.request.user, over=self.do == "overwrite")
            draft.revision = str(self.campaign.revision)
            draft.save_time()
            self.saved = draft.when.is_valid()
        except ConflictError:
            self.conflict = differences
            self.trouble = self._who_was_faster()

    def _who_was_faster(self) -> str:
        other = last_hand(self.campaign)
        if other is None or other == self.request.user:
            return _("This draft was changed in another window while you wrote here.")
        return _("%(name)s changed this draft while you wrote here.") % {"name": other}

    def _act(self) -> HttpResponse:
        verb, _colon, subject = self.do.partition(":")
        here = reverse("composer", args=[self.campaign.pk])
        if verb in {"up", "out"}:
            self._arrange(verb, subject)
            return _go(self.request, here)
        if verb in THREAD_VERBS:
            return self._thread(verb, subject)
        if verb in SHOT_VERBS:
            return self._shot(verb, subject)
        if verb == ADD_VERB:
            return _go(self.request, reverse("draft-pictures-add", args=[self.campaign.pk]))
        if verb == OWN_VERB and subject.isascii() and subject.isdigit():
            return _go(self.request, reverse("post-pictures", args=[self.campaign.pk, int(subject)]))
        if verb == "picture" and subject.isascii() and subject.isdigit():
            return _go(self.request, reverse("draft-picture", args=[self.campaign.pk, int(subject)]))
        if verb in {"submit", "approve"}:
            return self._send_on(verb)
        if verb in {"clock", inserting.VERB} and self.request.htmx:
            self.draft.when.fields["clock"].widget.attrs["autofocus"] = verb == "clock"
            return self.whole()
        if not self.request.htmx:
            messages.success(self.request, _("The draft is saved."))
        return _go(self.request, here) if verb == "overwrite" or not self.request.htmx else self._live()

    def _thread(self, verb: str, subject: str) -> HttpResponse:
        """Cut a post's text, add a text after it, remove one; then the page with the field where one goes on."""
        post_id = change_thread(self.draft, verb, subject)
        if not self.request.htmx:
            return redirect(f"{reverse('composer', args=[self.campaign.pk])}#more-{post_id}")
        self.campaign.refresh_from_db()
        self.draft = Draft(self.campaign)
        for post in self.draft.posts:
            if str(post.message.pk) == post_id:
                post.more.go_on()
        return self.whole()

    def _shot(self, verb: str, subject: str) -> HttpResponse:
        """Move a picture of the posts, or take it out; then the page with the button where one goes on."""
        with refusals_said(self.request), transaction.atomic():
            open_for_change(self.campaign, self.request.user)
            self.draft.shots.arrange(verb, subject)
        if not self.request.htmx:
            return redirect(f"{reverse('composer', args=[self.campaign.pk])}#pictures")
        self.campaign.refresh_from_db()
        self.draft = Draft(self.campaign)
        self.moved = next((shot.picture.pk for shot in self.draft.shots if str(shot.picture.pk) == subject), 0)
        return self.whole()

    def _arrange(self, verb: str, subject: str) -> None:
        """Move a story up, or take it out of the mail."""
        for mail in self.draft.mails:
            order = [str(block.pk) for block in mail.message.blocks.all()]
            if subject not in order:
                continue
            at = order.index(subject)
            order.pop(at)
            if verb == "up":
                order.insert(max(at - 1, 0), subject)
            arrange_blocks(mail.message, [int(pk) for pk in order])

    def _send_on(self, verb: str) -> HttpResponse:
        """Hand in or approve; only if the page said so when the button was pressed."""
        now_promised = self.promise()
        if self.request.POST.get("promised", "") != now_promised.key:
            self.trouble = _("The time was changed. Read the sentence by the button, then press again.")
        elif now_promised.errors:
            self.trouble = _("Something must be put right first: see the checks.")
        if self.trouble:
            return self.whole(status=422)
        try:
            self._hand_in_or_approve(verb)
        except InputError as error:
            self.campaign.refresh_from_db()
            self.trouble = str(error)
            return self.whole(status=422)
        return _go(self.request, reverse("sendout", args=[self.campaign.pk]))

    def _hand_in_or_approve(self, verb: str) -> None:
        when, user = self.draft.when, self.request.user
        if verb == "submit":
            submit(self.campaign, user)
            words = _("Sent for approval. Those who may approve it get a mail.")
            messages.success(self.request, words)
        elif when.at is None:
            send_now(self.campaign, user)
        else:
            approve(self.campaign, user, scheduled_at=when.at, wall=when.wall)
            messages.success(self.request, _("Planned."))

    def promise(self) -> Promise:
        """What pressing the button would do, by what is typed now."""
        when = self.draft.when
        self.draft.show_times()
        return promise(self.draft.messages, when.instant(), known=when.known(), errors=error_count(self.checks))

    def obstacle(self) -> Obstacle | None:
        """What must be put right before it can be sent."""
        return of_draft(self.draft, self.checks, self.trouble if self.conflict else "")

    @cached_property
    def checks(self) -> list[Check]:
        """The findings about the draft as it is stored; ask after storing."""
        return open_checks(self.campaign)

    def context(self) -> dict[str, object]:
        """What both answers show."""
        self.draft.show_typed()
        return {
            "obstacle": self.obstacle(),
            "moved": self.moved,
            "campaign": self.campaign,
            "draft": self.draft,
            "previews": {
                message.pk: preview(message, Seen.posted(self.request.POST, message)) for message in self.draft.messages
            },
            "checks": self.checks,
            "has_mail": bool(self.draft.mails),
            "promise": self.promise(),
            "may_approve": may(self.request, "approve"),
            "trouble": self.trouble,
            "conflict": self.conflict,
            "asked": questions_about(self.campaign),
            "saved_at": timezone.now() if self.saved else None,
            "refused": [form for form in (*self.draft.forms(), self.draft.when) if form.is_bound and form.errors],
        }

    def _live(self) -> HttpResponse:
        """The parts of the page that follow what is typed; the fields themselves stay untouched."""
        context = self.context() | {
            "mail_changed": self.mail_changed,
            "promised": self.request.POST.get("promised", ""),
            "asked_shown": self.request.POST.get("asked", ""),
            "obstacle_shown": self.request.POST.get("obstacle", ""),
            "fields": [field for form in self.draft.worded() for field in form] + self.draft.when.visible_fields(),
        }
        well = self.saved and not self.trouble
        return render(self.request, "web/composer/live.html", context, status=200 if well else 422)

    def whole(self, status: int = 200) -> HttpResponse:
        """The whole page; after a refusal with everything as it was typed."""
        pane = self.request.POST.get("pane", "") if status == HTTPStatus.OK else ""
        inserts = Inserts.of(self.request.organisation)
        context = self.context() | {"title": self.campaign.title, "pane": pane, "inserts": inserts}
        response = render(self.request, "web/composer/edit.html", context, status=status)
        if self.request.htmx:
            response = retarget(reswap(reselect(response, "#main"), "outerHTML"), "#main")
        return response
