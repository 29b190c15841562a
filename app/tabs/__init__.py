"""One file here is one tab; the layout finds it by itself.

It defines `TITLE`, `ORDER`, `build()`, which returns its `app.running.View`, and, where it can be empty, `ready()`.
"""
