"""Addresses of the staff's daily pages, from news to receipt. Mails link to some of them; none ends in a slash."""

from __future__ import annotations

from django.urls import path

from publisher.web import (
    composer,
    news,
    news_item,
    news_write,
    plan,
    previews,
    sendout_actions,
    sendouts,
    show_as,
    stop,
    today,
    withdrawals,
)

urlpatterns = [
    path("", today.today, name="today"),
    path("news", news.news, name="news"),
    path("news/take", news.take_as_new, name="take"),
    path("news/plan", plan.plan, name="plan-several"),
    path("news/write", news_write.item_write, name="write"),
    path("news/<int:item_id>", news_item.news_item, name="item"),
    path("news/<int:item_id>/edit", news_write.item_edit, name="item-edit"),
    path("news/<int:item_id>/withdraw", withdrawals.item_withdraw, name="item-withdraw"),
    path("news/<int:item_id>/restore", withdrawals.item_restore, name="item-restore"),
    path("news/<int:item_id>/suggestion", news_item.item_suggestion, name="item-suggestion"),
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
