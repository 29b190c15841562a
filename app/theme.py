"""How it looks: colours of both models, the theme, the CSS."""

from html import escape
from typing import Any

import gradio as gr

from app.script import SCRIPT

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]

LIGHT = {
    "ink": "#1b1f24", "soft": "#5b6570", "line": "#e3e7eb", "paper": "#ffffff", "wash": "#f6f8fa",
    "a": "#0072b2", "b": "#c65300", "ok": "#007a5a", "bad": "#a3273f",
}  # fmt: skip
DARK = {
    "ink": "#e8ebee", "soft": "#9aa5b1", "line": "#2c333b", "paper": "#14181d", "wash": "#1b2128",
    "a": "#56b4e9", "b": "#f0924c", "ok": "#3fc79a", "bad": "#ff8fa3",
}  # fmt: skip


def look() -> dict[str, Any]:
    """What `launch` needs for the looks."""
    return {"theme": theme(), "css": css(), "head": f"<script>{SCRIPT}</script>"}


def theme() -> gr.themes.Base:
    """Gradio's plainest theme in our colours; system fonts, so that nothing is fetched."""
    plain: dict[str, str] = {}
    pairs = {
        "body_background_fill": "paper", "background_fill_primary": "paper", "background_fill_secondary": "wash",
        "block_background_fill": "paper", "input_background_fill": "paper", "body_text_color": "ink",
        "body_text_color_subdued": "soft", "border_color_primary": "line", "input_border_color": "line",
        "block_label_text_color": "soft", "block_title_text_color": "soft", "block_info_text_color": "soft",
        "button_primary_background_fill": "ink", "button_primary_text_color": "paper",
        "button_primary_background_fill_hover": "ink", "button_secondary_background_fill": "paper",
        "button_secondary_background_fill_hover": "wash", "button_secondary_text_color": "ink",
        "button_secondary_border_color": "line", "slider_color": "ink", "color_accent": "ink",
        "input_border_color_focus": "ink", "checkbox_label_background_fill_selected": "ink",
    }  # fmt: skip
    for name, colour in pairs.items():
        plain[name] = LIGHT[colour]
        if name != "color_accent":
            plain[f"{name}_dark"] = DARK[colour]
    flat = dict.fromkeys(("block_shadow", "button_primary_shadow", "input_shadow"), "none")
    sizes = {"block_border_width": "0px", "input_radius": "6px", "button_large_radius": "6px"}
    base = gr.themes.Base(font=FONT, font_mono=MONO, text_size=gr.themes.sizes.text_md)
    return base.set(**plain, **flat, **sizes)


def header(device: str) -> str:
    """Brand on the left; copy the link, light or dark, the API and the device on the right."""
    return (
        '<header class="top"><b class="brand">PlainSight</b><span class="tools">'
        '<button type="button" data-copy-link>Copy link</button>'
        '<button type="button" data-theme-toggle aria-label="Light or dark colours">Dark</button>'
        '<button type="button" data-api>API</button>'
        f"<span>{escape(device)}</span></span></header>"
    )


def css() -> str:
    """The style sheet."""
    names = ("light", LIGHT), ("dark", DARK)
    light, dark = ("".join(f"--{key}:{value};" for key, value in colours.items()) for _, colours in names)
    return f":root{{{light}}}.dark{{{dark}}}{STYLE}"


STYLE = """
body{background:var(--paper)!important}
.gradio-container{padding:0!important;max-width:none!important;color:var(--ink);font-size:15px;line-height:1.45}
.gradio-container main.fillable,.gradio-container .main,.gradio-container main{padding:0!important;max-width:none!important}
.gradio-container .gap,.gradio-container .column,.gradio-container .row{gap:0}
.html-container{padding:0!important}.gradio-container .tabs,.gradio-container .tabitem{gap:0!important}.gradio-container .tabs{margin:0}.tab-wrapper{padding-bottom:0!important;margin-bottom:0!important}.gradio-container>.main>.wrap>footer{display:none!important}.gradio-container main.contain{gap:0!important;padding:0!important}.nothing{display:none!important}
.gradio-container :focus-visible{outline:2px solid var(--ink)!important;outline-offset:2px}
.a{color:var(--a)}.b{color:var(--b)}.ok{color:var(--ok)}.bad{color:var(--bad)}.soft,.was{color:var(--soft)}
.note{color:var(--soft);font-size:12.5px;line-height:1.4;margin:0}.note b{color:var(--ink);font-weight:600}
p{margin:0}i{font-style:normal}abbr{text-decoration:none}

/* header: brand and tools lie on the row of the tabs */
.tabitem{padding:0!important;margin:0!important}.gradio-container .tabs>.tabitem>.column{gap:0}
#top{position:absolute;inset:0 0 auto 0;z-index:3;pointer-events:none;padding:0;border:0;min-width:0}
.top{height:48px;display:flex;align-items:center;box-sizing:border-box;padding:0 24px}.brand{font-size:18px;font-weight:650}
.tools{margin-left:auto;display:flex;gap:18px;color:var(--soft);font-size:13px;pointer-events:auto}
.tools button,.commands button{color:inherit;background:none;border:0;padding:0;font:inherit;cursor:pointer}.tools button:hover,.commands button:hover{color:var(--ink);text-decoration:underline}
#tabs>.tab-wrapper{height:48px;padding:0 260px 0 142px;border-bottom:1px solid var(--line);box-sizing:border-box;align-items:stretch}
#tabs>.tab-wrapper .tab-container{height:48px;gap:6px}#tabs>.tab-wrapper .tab-container::after{display:none}
#tabs>.tab-wrapper button{font-size:15px;color:var(--soft);padding:0 8px;border:0;background:none}
#tabs>.tab-wrapper button.selected{color:var(--ink);font-weight:500}#tabs>.tab-wrapper button.selected::after{background:var(--ink);height:2px}
#tabs .tabitem{padding:0;border:0}

/* two columns */
.compare{flex-wrap:nowrap!important;align-items:stretch!important;min-height:calc(100vh - 48px)}
.aside{flex:0 0 232px!important;background:var(--wash);border-right:1px solid var(--line);padding:14px 18px!important}
.aside .block{background:none!important;padding:0!important;border:0;overflow:visible;margin-bottom:10px}
.aside .form{background:none;border:0;gap:0;overflow:visible}
.aside label span[data-testid=block-info],.aside .block label>span{font-size:13px;margin-bottom:3px;color:var(--soft);font-weight:400;padding:0;background:none;border:0}
.aside .block .wrap:has(>.wrap-inner),.aside input[type=number]{border:1px solid var(--line)!important;border-radius:6px;background:var(--paper)!important;box-shadow:none!important}.aside .wrap-inner input{text-overflow:ellipsis}.aside .wrap-inner{padding-right:26px!important}.aside .wrap-inner .icon-wrap{right:8px}
.aside .block:has(input[disabled]){opacity:.55}.strength{padding:2px 0 8px!important;overflow:visible!important}.strength input[type=range]{margin:8px 0}.strength .tab-like-container{display:none!important}.runbar [id$=-stop]{border:1px solid var(--line)}
.aside input,.aside .wrap-inner{font-size:13.5px!important}.aside .wrap-inner{padding:5px 9px!important}.aside .wrap-inner input{margin:0!important}
.side-a label span,.side-a span[data-testid=block-info]{color:var(--a)!important;font-weight:600!important}
.side-b label span,.side-b span[data-testid=block-info]{color:var(--b)!important;font-weight:600!important}
.strength input[type=number],.strength .min_value,.strength .max_value{display:none!important}
.strength .head{margin:0}.runbar{gap:8px!important;flex-wrap:nowrap!important;margin:2px 0 8px}
.runbar button{font-size:14px;font-weight:600;padding:9px 8px;min-width:0!important;height:40px}.runbar [id$=-stop]{font-weight:500}
.runbar button:disabled{opacity:.45}.block.status{min-height:54px}.status .bad{color:var(--bad)}
.more{font-size:13px}.more>button,.more .label-wrap{font-size:13px;color:var(--soft);padding:0}
.compare .main{padding:16px 26px 10px!important;flex:1 1 0!important}

/* headline and cards */
.block.headline{min-height:62px;margin-bottom:12px}.headline h1{font-size:23px;line-height:1.3;font-weight:600;margin:0;text-wrap:pretty;font-variant-numeric:tabular-nums}
.headline strong{font-weight:inherit}
.pair{gap:22px!important;flex-wrap:nowrap!important}.card{border:1px solid var(--line);border-radius:10px;padding:11px 16px 11px!important;flex:1 1 0!important}
.card-a{--c:var(--a);border-top:3px solid var(--a)}.card-b{--c:var(--b);border-top:3px solid var(--b)}
.card h2{margin:0;font-size:14px;font-weight:600;display:flex;justify-content:space-between;gap:12px;white-space:nowrap}
.card h2 .soft{font-weight:400;font-size:13px}.card h2 .name{overflow:hidden;text-overflow:ellipsis}.mark{color:var(--c)}
.block.head{min-height:21px}.card .body{gap:16px!important;flex-wrap:nowrap!important;margin-top:9px}
.left{flex:0 0 148px!important}.right{flex:1 1 0!important}
.pattern{display:block;width:148px!important;height:148px!important;max-width:none!important;border-radius:6px;image-rendering:pixelated;object-fit:contain;margin:0!important}
.pattern.empty{display:grid;place-items:center;border:1px dashed var(--line);color:var(--soft);font-size:12.5px;box-sizing:border-box}
.left .note{margin-top:4px}.big{font-size:42px;font-weight:650;line-height:1;color:var(--c);font-variant-numeric:tabular-nums;height:44px;display:flex;align-items:center;gap:8px}
.big small{font-size:13.5px;line-height:1.2;font-weight:400;color:var(--soft)}.big.dim{color:var(--c)}.big .clean{margin-left:auto;text-align:right}
.number{height:66px}.plotly-figure{height:96px}.right .note,.left .note{height:18px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.seen{display:flex;flex-wrap:nowrap;white-space:nowrap;overflow:hidden;gap:2px 14px;margin-top:9px!important;padding-top:7px;border-top:1px solid var(--line);min-height:26px;box-sizing:border-box}
.segments{margin-top:6px}.segments fieldset,.segments .wrap{padding:0;border:0;gap:0!important;flex-wrap:nowrap!important}
.segments .wrap{display:inline-flex!important;border:1px solid var(--line)!important;border-radius:6px;overflow:hidden;width:auto}
.segments label{padding:2px 10px!important;border:0!important;border-radius:0!important;background:none!important;box-shadow:none!important;font-size:12px!important;color:var(--ink)!important;cursor:pointer}
.segments label.selected{background:var(--ink)!important}.segments label.selected span{color:var(--paper)!important}.segments label span{margin:0!important;font-size:12px;padding:0!important}
.segments label input{position:absolute;opacity:0;width:1px;height:1px}.segments label:focus-within{outline:2px solid var(--ink);outline-offset:-2px}.segments label.selected:focus-within{outline-color:var(--paper)}

/* strip of held-out images */
.stripbar{align-items:center!important;gap:8px!important;margin:11px 0 7px;flex-wrap:nowrap!important}.stripbar>*{flex:none!important;width:auto!important}
.stripbar .place{flex:1 1 auto!important}.place>div,.place .prose{display:flex;gap:18px}.place .legend{margin-left:18px}.stripbar .segments{margin:0}
.small{height:26px!important;width:30px!important;padding:0!important;border:1px solid var(--line)!important;font-size:0!important;min-width:0!important}.small::before{font-size:15px}.small.back::before{content:"‹"}.small.on::before{content:"›"}.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.block.stripbox{min-height:162px}.strip{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:repeat(9,minmax(0,1fr));gap:7px}
.strip li{font-size:12px;line-height:1.45;margin:0}.strip img{display:block;width:100%;aspect-ratio:1;border-radius:6px;margin:0;image-rendering:pixelated}
.strip p{display:flex;justify-content:space-between;gap:1px;font-size:11.5px;line-height:1.5;letter-spacing:-.02em}.strip .truth{font-weight:600;margin-top:3px;color:var(--ink);white-space:nowrap;overflow:hidden;text-overflow:ellipsis;display:block}
.says{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.missing{color:var(--soft);padding:20px 0;font-size:14px}

.strip.scenes{grid-template-columns:repeat(6,minmax(0,1fr))}.strip.scenes img{aspect-ratio:4/3;image-rendering:auto}.strip .maps{display:grid;grid-template-columns:1fr 1fr;gap:4px;margin-top:4px}

/* scenes */
.scene{gap:18px!important;flex-wrap:nowrap!important;margin-bottom:8px}.streetbox{flex:none!important;width:auto!important}.streetbox .missing{max-width:524px;overflow-wrap:anywhere}.street{display:flex;gap:10px}.street figure{width:168px}
.key{flex:1 1 0!important}.key .stripbar{margin:0 0 4px}.key .ways{margin:5px 0 0}
figure{margin:0}figcaption{color:var(--soft);font-size:11.5px;line-height:1.5;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.stack{position:relative;aspect-ratio:4/3;border-radius:6px;overflow:hidden;background:var(--wash)}.stack::before{content:"";position:absolute;inset:0;background:var(--base) center/100% 100%}
.stack.grey::before{filter:grayscale(1) contrast(.6) opacity(.5)}img.labels{display:block;width:100%!important;height:auto!important;aspect-ratio:4/3;max-width:none!important;margin:0!important;border-radius:6px}
.stack img.labels{position:absolute;inset:0;height:100%!important;opacity:var(--overlay,.65);border-radius:0}.blank{display:grid;place-items:center;color:var(--soft);font-size:12px;border:1px dashed var(--line);aspect-ratio:4/3;border-radius:6px;box-sizing:border-box}.stack.blank::before{display:none}
.legend-classes{list-style:none;margin:0;padding:0;columns:2;column-gap:14px}.legend-classes li{margin:0;break-inside:avoid}
.legend-classes button{display:flex;align-items:center;gap:6px;width:100%;background:none;border:0;padding:1px 4px;border-radius:4px;font:inherit;font-size:11.5px;line-height:1.35;color:var(--ink);cursor:pointer;text-align:left}
.legend-classes button:hover{background:var(--wash)}.legend-classes button[aria-pressed=true]{background:var(--ink);color:var(--paper)}.legend-classes b{font-weight:500;flex:1;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.legend-classes span{white-space:nowrap;font-variant-numeric:tabular-nums;min-width:52px}
.swatch{width:11px;height:11px;border-radius:3px;flex:none;box-shadow:0 0 0 1px var(--line)}.overlay{display:flex;align-items:center;gap:6px;font-size:12px;color:var(--soft)}.overlay input{width:54px}
.sight{--c:var(--a);border-top:2px solid var(--c);padding:7px 0 4px!important}.sight.card-b{--c:var(--b)}.sight>.row{gap:12px!important;flex-wrap:nowrap!important}
.factsbox{flex:0 0 188px!important;width:188px!important}.factsbox h2{margin:0 0 2px;font-size:14px;font-weight:600;line-height:1.3}.factsbox h2 .soft{display:block;font-weight:400;font-size:12px}
.factsbox .big{font-size:34px;height:auto;margin:5px 0}.factsbox .big small{font-size:12.5px}.factsbox .rank{margin-top:4px}.sightbox{flex:1 1 0!important;min-width:0}
.sights{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:10px}.sights .pattern{width:100%!important;height:auto!important;aspect-ratio:4/3;image-rendering:auto}
#classname{position:fixed;z-index:9;pointer-events:none;background:var(--ink);color:var(--paper);font-size:12px;padding:1px 7px;border-radius:4px;transform:translate(12px,12px);display:none}

/* trade-off */
.trade{gap:22px!important;flex-wrap:nowrap!important;align-items:stretch!important}.plane{flex:1.25 1 0!important}.cards{flex:1 1 0!important;gap:12px!important}
.cards .card{flex:1 1 auto!important}.cards .big{font-size:30px;height:38px;margin:3px 0 0}.cards .big small{font-size:12px}.cards .left{flex:0 0 118px!important}.cards .pattern{width:118px!important;height:auto!important;aspect-ratio:auto;max-height:118px}.cards .card .body{margin-top:6px}
.finding{margin:2px 0 6px!important}.ladder{width:100%;table-layout:fixed;border-collapse:collapse;font-size:12.5px;font-variant-numeric:tabular-nums}.ladder caption{caption-side:top;text-align:left;color:var(--soft);font-size:12px;padding-bottom:3px}
.ladder th{font-weight:500;text-align:left;padding:2px 10px 2px 0;white-space:nowrap}.ladder td{padding:2px 10px 2px 0;white-space:nowrap}.ladder tr>:first-child{width:150px}.ladder tr{border:0!important;background:none!important}.ladder td,.ladder th{border:0!important}
.bar{display:inline-block;width:calc(100% - 88px);min-width:40px;height:9px;border-radius:2px;background:var(--wash);vertical-align:middle;overflow:hidden}.bar i{display:block;height:100%;background:var(--a)}.bar.b i{background:var(--b)}.ladder .value{display:inline-block;width:80px;margin-left:8px}
.modelbox{padding:6px 0 0!important;background:none!important;border:0!important}.modelbox .label-wrap{justify-content:flex-start;gap:8px}table.models{border-collapse:collapse;font-size:12.5px;margin-top:4px}.models td,.models th{padding:1px 18px 1px 0;border:0!important;text-align:left}.models button{background:none;border:0;padding:1px 0;font:inherit;color:var(--ink);cursor:pointer;text-decoration:underline;text-underline-offset:2px;text-decoration-color:var(--line)}
#onward{font-size:14px;font-weight:600;height:40px;margin:2px 0 8px}#side{margin:0 0 12px}#side label{padding:4px 10px!important}.aside:has(#side) input[type=range]{margin:6px 0}.aside:has(#side) .tab-like-container,.aside:has(#side) .min_value,.aside:has(#side) .max_value{display:none!important}

/* provenance */
.block.footer{margin-top:10px;border-top:1px solid var(--line);padding-top:6px!important}.foot{display:flex;justify-content:space-between;gap:24px;color:var(--soft);font-size:12px;line-height:1.5}
.foot a,.foot summary{color:var(--ink);text-decoration:underline;text-underline-offset:2px;text-decoration-color:var(--line);cursor:pointer}.foot a:hover,.foot summary:hover{text-decoration-color:currentColor}
.origin a{margin-left:8px}.origin{min-width:0}.take{display:flex;flex-direction:column;align-items:flex-end;white-space:nowrap;position:relative}.foot summary{list-style:none}.foot summary::-webkit-details-marker{display:none}
.commands{position:absolute;right:0;bottom:24px;background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:10px 14px;box-shadow:0 6px 24px rgba(0,0,0,.14);width:max-content;max-width:min(880px,86vw);white-space:normal;z-index:5}
.commands code{font-size:12px;background:var(--wash);color:var(--ink);padding:2px 5px;border-radius:4px;overflow-wrap:anywhere}.commands p{margin:4px 0}.commands button{text-decoration:underline}

/* tabs that need the room; no comma inside :has(), where Gradio would part the selector */
@media(min-width:901px){
.main:has(.sights) .headline h1,.main:has(.scenes) .headline h1,.main:has(.trade) .headline h1{font-size:21px}
.main:has(.sights) .headline,.main:has(.scenes) .headline,.main:has(.trade) .headline{min-height:56px;margin-bottom:6px}
.compare .main:has(.sights),.compare .main:has(.scenes),.compare .main:has(.trade){padding:12px 26px 6px!important}
.main:has(.scenes) .stripbar{margin:7px 0 5px}.main:has(.scenes) .footer{margin-top:4px}}

@media(max-width:1180px){.scene{flex-direction:column!important;gap:6px!important}.key{flex:none!important;width:100%}.legend-classes{columns:3}}
@media(max-width:900px){
.compare{flex-direction:column!important}.compare .main{order:0;padding:14px 16px!important;width:100%}.aside{order:1;flex:none!important;width:100%;border:0;border-top:1px solid var(--line);padding-bottom:84px!important}
.pair{flex-direction:column!important;gap:14px!important}.card{width:100%;flex:none!important}
.headline h1{font-size:20px}.runbar{position:fixed;left:0;right:0;bottom:0;z-index:6;background:var(--paper);border-top:1px solid var(--line);padding:8px 16px!important;margin:0;width:auto!important}
.strip{grid-template-columns:repeat(3,minmax(0,1fr))}.stripbar{flex-wrap:wrap!important}.stripbar .place{flex:1 0 100%!important}.foot{flex-direction:column;gap:8px}
.scene{flex-direction:column!important}.street figure{width:auto;flex:1}.streetbox{width:100%!important}.sight>.row{flex-direction:column!important}.factsbox{width:100%!important;flex:none!important}.sights{grid-template-columns:repeat(2,minmax(0,1fr))}
.commands{left:0;right:auto}.top{padding:0 16px}.tools{gap:12px}#tabs>.tab-wrapper{padding:48px 8px 0;height:92px}#tabs>.tab-wrapper .tab-container{height:44px}.legend-classes{columns:1}.card h2{white-space:normal}}
@media(max-width:900px){.strip.scenes{grid-template-columns:repeat(2,minmax(0,1fr))}.place .legend{display:block;margin-left:0}.place>div,.place .prose{flex-wrap:wrap;gap:0 14px}.take{flex-direction:row;gap:14px;justify-content:flex-start}.right .note,.seen{height:auto!important;white-space:normal!important;flex-wrap:wrap!important}.number{height:auto;min-height:66px}.big{font-size:34px;height:auto;min-height:44px;flex-wrap:wrap}.card .body{gap:14px!important}}
@media(max-width:900px){.trade{flex-direction:column!important}.plane,.cards{width:100%}.ladder tr>:first-child{width:122px}.ladder th,.ladder td{padding-right:6px}.bar{width:calc(100% - 42px)}.ladder .value{width:34px}.ladder .value i{display:none}.cards .big{height:auto}}
@media(prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important;scroll-behavior:auto!important}}
"""
