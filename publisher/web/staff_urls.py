"""Addresses of the staff's daily pages, from news to receipt. Mails link to some of them; none ends in a slash."""

from __future__ import annotations

from django.urls import path

from publisher.web import composer, event_edit, news, plan, previews, sendout_actions, sendouts, show_as, stop, today

urlpatterns = [
    path("", today.today, name="today"),
    path("news", news.news, name="news"),
    path("news/take", news.take_as_new, name="take"),
    path("news/plan", plan.plan, name="plan-several"),
    path("news/<int:item_id>", news.news_item, name="item"),
    path("news/<int:item_id>/event", event_edit.event_edit, name="item-event"),
    path("news/<int:item_id>/plan", plan.plan, name="plan"),
    path("sendouts", sendouts.campaigns, name="campaigns"),
    path("sendouts/<int:campaign_id>", sendouts.sendout, name="sendout"),
    path("sendouts/<int:campaign_id>/edit", composer.composer, name="composer"),
    path("sendouts/<int:campaign_id>/edit/again", composer.again, name="composer-again"),
    path("sendouts/<int:campaign_id>/live", sendouts.live, name="sendout-live"),
    path("sendouts/<int:campaign_id>/act", sendout_actions.act, name="sendout-act"),
    path("sendouts/<int:campaign_id>/cancel", sendout_actions.cancel_campaign, name="sendout-cancel"),
    path("sendouts/<int:campaign_id>/mail/<int:message_id>", previews.mail_preview, name="mail-preview"),
    path("sendouts/<int:campaign_id>/mail/<int:message_id>/as", show_as.mail_seen, name="mail-seen"),
    path("sendouts/<int:campaign_id>/messages/<int:message_id>", sendout_actions.act_on_message, name="message-act"),
    path(
        "sendouts/<int:campaign_id>/messages/<int:message_id>/cancel", sendout_actions.cancel_one, name="message-cancel"
    ),
    path("stop", stop.stop, name="stop"),
]
