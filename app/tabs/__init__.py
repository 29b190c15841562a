"""One file here is one tab; it defines `TITLE`, `ORDER` and `build(page)`. The layout finds it by itself."""
