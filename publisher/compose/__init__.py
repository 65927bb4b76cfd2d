"""From chosen items to what leaves: drafts, the newsletter (MJML), the wire-ready mail, the posts, the checks."""
