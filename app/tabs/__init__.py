"""One file here with a `TITLE` is one tab, which the page finds by itself; `base` and `events` are what tabs share.

A tab defines `TITLE`, `ORDER`, `SESSION`, its subclass of `app.session.Session`, `build(runs)`, which returns its
`app.tabs.base.TabView`, and, where it needs them, `ready()`, `warm_up(session)` and `prepare(session)`.
"""
