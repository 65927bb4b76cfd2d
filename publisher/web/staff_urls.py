"""Addresses of the staff's daily pages, from news to receipt. Mails link to some of them; none ends in a slash."""

from __future__ import annotations

from django.urls import path

from publisher.web import (
    composer,
    event_edit,
    news,
    news_item,
    news_write,
    picture,
    picture_choice,
    pictures,
    plan,
    previews,
    quarantine,
    renewal,
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
    path("news/held", quarantine.held, name="held"),
    path("news/held/settle", quarantine.settle, name="held-settle"),
    path("news/plan", plan.plan, name="plan-several"),
    path("news/pictures", pictures.pictures, name="pictures"),
    path("news/pictures/add", pictures.pictures_add, name="pictures-add"),
    path("news/pictures/describe", pictures.pictures_describe, name="pictures-describe"),
    path("news/pictures/<int:pk>", picture.picture, name="picture"),
    path("news/pictures/<int:pk>/alt", picture.picture_alt, name="picture-alt"),
    path("news/pictures/<int:pk>/use", picture.picture_use, name="picture-use"),
    path("news/pictures/<int:pk>/withdraw", picture.picture_withdraw, name="picture-withdraw"),
    path("news/pictures/<int:pk>/deleted", picture.picture_deleted, name="picture-deleted"),
    path("news/<int:item_id>/event", event_edit.event_edit, name="item-event"),
    path("news/<int:item_id>/picture", picture_choice.item_picture, name="item-picture"),
    path("news/write", news_write.item_write, name="write"),
    path("news/<int:item_id>", news_item.news_item, name="item"),
    path("news/<int:item_id>/edit", news_write.item_edit, name="item-edit"),
    path("news/<int:item_id>/suggestion", news_item.item_suggestion, name="item-suggestion"),
    path("news/<int:item_id>/plan", plan.plan, name="plan"),
    path("news/<int:item_id>/withdraw", withdrawals.item_withdraw, name="item-withdraw"),
    path("news/<int:item_id>/restore", withdrawals.item_restore, name="item-restore"),
    path("sendouts", sendouts.campaigns, name="campaigns"),
    path("sendouts/<int:campaign_id>", sendouts.sendout, name="sendout"),
    path("sendouts/<int:campaign_id>/edit", composer.composer, name="composer"),
    path("sendouts/<int:campaign_id>/edit/again", composer.again, name="composer-again"),
    path("sendouts/<int:campaign_id>/picture/<int:picture_id>", picture_choice.draft_picture, name="draft-picture"),
    path("sendouts/<int:campaign_id>/live", sendouts.live, name="sendout-live"),
    path("sendouts/<int:campaign_id>/act", sendout_actions.act, name="sendout-act"),
    path("sendouts/<int:campaign_id>/cancel", sendout_actions.cancel_campaign, name="sendout-cancel"),
    path("sendouts/<int:campaign_id>/news/<int:item_id>", renewal.decide, name="sendout-news"),
    path("sendouts/<int:campaign_id>/mail/<int:message_id>", previews.mail_preview, name="mail-preview"),
    path("sendouts/<int:campaign_id>/mail/<int:message_id>/as", show_as.mail_seen, name="mail-seen"),
    path("sendouts/<int:campaign_id>/messages/<int:message_id>", sendout_actions.act_on_message, name="message-act"),
    path(
        "sendouts/<int:campaign_id>/messages/<int:message_id>/cancel", sendout_actions.cancel_one, name="message-cancel"
    ),
    path("stop", stop.stop, name="stop"),
]
