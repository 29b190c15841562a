"""The static edition: the app's tabs as plain files, which any web server hands out and a browser opens from a disk.

`layout` turns the app's own components into HTML, `stored` and `pairs` gather what they show, `store` packs that, and
`folder` writes it. In the browser `static/edition/` does what Gradio and the app do on a server.
"""
