"""One file here with a `TITLE` is one tab, which the page finds by itself; `base` and `events` are what tabs share.

A tab defines `TITLE`, `ORDER`, `build()`, which returns its `app.tabs.base.TabView`, and, where it can be empty,
`ready()`.
"""
