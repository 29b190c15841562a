"""The app's components as HTML, in the structure and with the class names that Gradio gives them.

So `static/page/` fits, and the scripts of components (`js_on_load`) run as they are: `static/edition/parts.js` gives
them what Gradio does. Controls are native ones.
"""

from dataclasses import is_dataclass
from html import escape
from typing import Any

from app.tabs.base import TabView

VALUE = "${value}"
"""What stands for the value of a component in its template."""
_LIVE = " data-live hidden"
"""Marks what live runs need: it is hidden for as long as an edition has none."""


class Layout:
    """Draws components; collects the scripts that they need, each once."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self._names: dict[int, str] = {}

    def panel(self, tab: str, title: str, made: Any, view: TabView[Any]) -> str:
        """A tab whose components were made in `made` (`gradio.Tab`); they are named after the fields of its view."""
        self._names |= {id(part): f"{tab}.{name}" for name, part in named(view).items()}
        inside = "".join(map(self._drawn, made.children))
        return (
            f'<div role="tabpanel" id="panel-{tab}" aria-label="{escape(title)}" class="tabitem" hidden>'
            f'<div class="column">{inside}</div></div>'
        )

    def _drawn(self, block: Any) -> str:
        draw = getattr(self, f"_{type(block).__name__.lower()}", None)
        return draw(block) if draw else ""

    def _inside(self, block: Any) -> str:
        return "".join(map(self._drawn, block.children))

    def _row(self, block: Any) -> str:
        return f'<div class="row unequal-height {_classes(block)}"{_style(block)}>{self._inside(block)}</div>'

    def _column(self, block: Any) -> str:
        return f'<div class="column {_classes(block)}"{_style(block)}>{self._inside(block)}</div>'

    def _form(self, block: Any) -> str:
        inside = self._inside(block)
        return f'<div class="form"{_style(block)}>{inside}</div>' if inside else ""

    def _accordion(self, block: Any) -> str:
        inside, opened = self._inside(block), " open" if block.open else ""
        live = _LIVE if 'controls.steps"' in inside else ""
        return (
            f'<details class="block {_classes(block)}"{opened}{live}><summary class="label-wrap">'
            f'<span>{escape(block.label)}</span><span class="icon">▼</span></summary>'
            f'<div class="column">{inside}</div></details>'
        )

    def _number(self, block: Any) -> str:
        name, label = self._names[id(block)], escape(block.label)
        return (
            f'<div class="block padded {_classes(block)}"><label><span data-testid="block-info">{label}</span>'
            f'<input type="number" value="{block.value}" min="{block.minimum}" max="{block.maximum}" '
            f'data-part="{name}"></label></div>'
        )

    def _html(self, block: Any) -> str:
        name = self._names.get(id(block), "")
        template = VALUE if block.html_template is None else block.html_template
        inside = template.replace(VALUE, block.value or "")
        script = ""
        if block.js_on_load and "invisible" not in block.elem_classes:
            if block.js_on_load not in self.scripts:
                self.scripts.append(block.js_on_load)
            script = f' data-script="{self.scripts.index(block.js_on_load)}"'
        elif "invisible" in block.elem_classes:
            return ""  # what speaks to the server
        fixed = " data-fixed" if VALUE not in template else ""
        part = f' data-part="{name}"' if name else ""
        return (
            f'<div class="block hide-container {_classes(block)}"{_identity(block)}><div class="html-container">'
            f'<div class="{_classes(block)}"{part}{script}{fixed}>{inside}</div></div></div>'
        )

    def _dropdown(self, block: Any) -> str:
        label = escape(block.label)
        select = f'<select aria-label="{label}" data-part="{self._names[id(block)]}">{options(block.choices)}</select>'
        return (
            f'<div class="block padded {_classes(block)}"><div class="container">'
            f'<span data-testid="block-info">{label}</span><div class="wrap"><div class="wrap-inner">{select}'
            "</div></div></div></div>"
        )

    def _radio(self, block: Any) -> str:
        name = self._names[id(block)]
        buttons = "".join(
            f'<label><input type="radio" name="{name}" value="{escape(str(value))}">'
            f"<span>{escape(words)}</span></label>"
            for words, value in block.choices
        )
        return (
            f'<fieldset class="block hide-container {_classes(block)}"{_identity(block)} role="radiogroup" '
            f'aria-label="{escape(block.label)}" data-part="{name}"><div class="wrap">{buttons}</div></fieldset>'
        )

    def _slider(self, block: Any) -> str:
        name, label = self._names[id(block)], escape(block.label)
        span = f'min="{block.minimum:g}" max="{block.maximum:g}" step="{block.step:g}"'
        return (
            f'<div class="block padded {_classes(block)}"><div class="wrap"><div class="head"><label for="{name}">'
            f'<span data-testid="block-info">{label}</span></label></div>'
            f'<input type="range" id="{name}" {span} data-part="{name}"></div></div>'
        )

    def _button(self, block: Any) -> str:
        name = self._names.get(id(block), "")
        live = _LIVE if name.endswith((".run", ".stop")) else ""
        return (
            f'<button type="button" class="lg {block.variant} {_classes(block)}"{_identity(block)}{_style(block)} '
            f'data-part="{name}"{live}>{escape(block.value)}</button>'
        )


def named(view: TabView[Any]) -> dict[str, Any]:
    """The components of a view by name, like `headline`, `a.summary` or `controls.data`."""
    found: dict[str, Any] = {}
    for name, value in vars(view).items():
        inner = value if isinstance(value, dict) else vars(value) if is_dataclass(value) else None
        if inner is None:
            found[name] = value
        else:
            short = {"controls": "controls."}.get(name, f"{name}.")
            found |= {f"{short}{key}": one for key, one in inner.items()}
    return found


def options(choices: Any) -> str:
    """The choices of a picker."""
    return "".join(f'<option value="{escape(str(value))}">{escape(words)}</option>' for words, value in choices)


def _classes(block: Any) -> str:
    return " ".join(block.elem_classes or [])


def _identity(block: Any) -> str:
    return f' id="{block.elem_id}"' if block.elem_id else ""


def _style(block: Any) -> str:
    """The room that Gradio gives a component: how it grows, and its least width."""
    grow = f"flex-grow: {block.scale}; " if getattr(block, "scale", None) is not None else ""
    least = getattr(block, "min_width", None)
    narrow = f"min-width: min({least}px, 100%)" if least is not None else ""
    return f' style="{grow}{narrow}"' if grow or narrow else ""
