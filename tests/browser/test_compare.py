"""The Compare tab in a real Chromium, as a person meets it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
LONGEST = (
    "To make the adversarially trained model wrong on half of all images, 32/255 is enough: in plain sight (JOD 5.4). "
    "The shared-trained model resists even 32/255, in plain sight (JOD 5.4)."
)
"""The longest headline of the first view."""
QUICK = "?steps=10&images=64&epsilon=6"
PATTERNS = ".patterns img.pattern"


TABS = ["Compare", "Perceptibility", "Segmentation", "Trade-off", "Your pictures", "Can you see it?"]


def status_says(page: Any, words: str) -> None:
    page.wait_for_function("words => document.querySelector('.status').innerText.includes(words)", arg=words)


def whole(page: Any) -> None:
    """Wait until both patterns are there."""
    page.wait_for_function("document.querySelectorAll('.patterns img.pattern').length === 2")


def test_the_first_view_is_complete_with_nothing_clicked(visit: Visit) -> None:
    page = visit()
    whole(page)
    assert re.match(
        r"(To make|Even [0-9/]+(, .*)? does not make) the standard model wrong on half", page.inner_text("h1")
    )
    assert page.locator(".strip li").count() == 10
    assert page.locator(".strip img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth === 96)")
    assert "held out" in page.inner_text(".stage .says >> nth=0")
    for side in "ab":
        assert re.search(
            r"wrong on \d+% \(\d+ to \d+\) at \d+/255, clean [0-9.]+%", page.inner_text(f".card-{side} .often")
        )
        assert page.inner_text(f".card-{side} .read").startswith("reads ")
        shot = page.locator(f".card-{side} .shot").bounding_box()
        assert shot["width"] == pytest.approx(shot["height"], abs=1)
        assert shot["width"] >= 300
    page.wait_for_selector(".facts .plotly-figure .main-svg")
    assert page.locator(".footer a[download]").count() == 5
    bottom = page.locator(".footer .foot").bounding_box()
    assert bottom["y"] + bottom["height"] <= 716
    page.set_viewport_size({"width": 1920, "height": 1080})
    wide = page.locator(".footer .foot").bounding_box()
    assert wide["y"] + wide["height"] > 0.8 * 1080
    assert wide["y"] + wide["height"] <= 1080
    page.set_viewport_size({"width": 1280, "height": 720})
    long = "all => all.forEach(one => { one.textContent += ' · ' + one.textContent })"
    page.locator(".origin span").evaluate_all(long)
    take = page.locator(".footer .downloads").bounding_box()
    assert take["x"] + take["width"] <= 1280 - 24
    for width in (1280, 1024, 390):
        page.set_viewport_size({"width": width, "height": 720})
        below = []
        for words in ("One line", LONGEST):
            page.locator("h1").first.evaluate("(one, words) => one.textContent = words", words)
            below.append(page.locator(".stages").bounding_box()["y"])
        assert below[0] == below[1], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        hidden = "all => all.filter(one => one.getBoundingClientRect().right > innerWidth).length"
        assert page.locator(".controls button:visible, .controls input:visible").evaluate_all(hidden) == 0


def test_nothing_moves_while_the_first_view_loads_and_it_is_small(visit: Visit) -> None:
    page = visit()
    whole(page)
    page.wait_for_timeout(500)
    shifts = page.evaluate(
        """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries().map(one => one.value)))
            .observe({ type: 'layout-shift', buffered: true }) ?? setTimeout(() => done([]), 800))"""
    )
    files = page.evaluate("performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)")
    shown = page.evaluate("document.documentElement.outerHTML.length")  # pictures come in an event, not as files
    assert sum(shifts) < 0.02
    assert 1e5 < files < 3e6
    assert 1e5 < shown < 1.5e6


def test_every_picture_and_field_has_a_name_and_the_keyboard_reaches_all(visit: Visit) -> None:
    page = visit("?epsilon=16")
    whole(page)
    assert page.locator("img:visible:not([alt])").count() == 0
    unnamed = (
        """all => all.filter(one => !(one.labels?.length || one.ariaLabel || one.title)).map(one => one.outerHTML)"""
    )
    assert page.locator(".duel input:visible").evaluate_all(unnamed) == []
    assert page.get_attribute(".status [role=status]", "aria-live") == "polite"
    assert page.get_attribute(".strength input[type=range]", "aria-label") == "Strength ε = 16/255"
    assert page.get_attribute(".strength input[type=range]", "aria-valuetext") == "16/255"
    assert page.get_by_role("radiogroup", name="Which pattern is added to the images").count() == 1
    page.get_by_role("radio", name="A ● added").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('added=b')")
    target, attack = (page.get_by_role("combobox", name=name) for name in ("Target", "Attack"))
    target.focus()
    page.wait_for_selector("[role=listbox]")
    page.keyboard.press("Tab")
    page.wait_for_function("'hold' in document.activeElement.dataset && !document.querySelector('[role=listbox]')")
    attack.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('attack=deepfool')")
    page.wait_for_function("document.activeElement.ariaLabel === 'Attack' && !document.querySelector('[role=listbox]')")
    page.go_back()
    page.wait_for_function("location.search.includes('attack=spgd')")
    page.wait_for_function("box => box.value.includes('S-PGD')", arg=attack.element_handle())


def test_terms_have_help_by_click_and_keyboard(visit: Visit) -> None:
    page = visit()
    whole(page)
    page.click(".visible .term")
    page.wait_for_selector("#term-jod:popover-open")
    assert "ColorVideoVDP" in page.inner_text("#term-jod")
    page.keyboard.press("Escape")
    page.wait_for_selector("#term-jod", state="hidden")
    page.get_by_role("button", name="What am I looking at?").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#looking:popover-open")
    assert page.locator("#looking ol li").count() == 5
    assert page.locator("#looking dt").count() > 5
    page.mouse.click(5, 715)
    page.wait_for_selector("#looking", state="hidden")


def test_the_original_shows_while_it_is_held(visit: Visit) -> None:
    page = visit()
    whole(page)
    over = page.locator(".card-a .shot .over")
    page.click("h1")
    page.keyboard.down("Space")
    assert not over.is_visible()
    page.keyboard.up("Space")
    assert over.is_visible()
    button = page.locator("[data-hold]").bounding_box()
    page.mouse.move(button["x"] + 5, button["y"] + 5)
    page.mouse.down()
    assert not over.is_visible()
    page.mouse.up()
    assert over.is_visible()
    for mode in ("flicker", "divider", "loupe"):
        assert page.get_attribute(f"[data-mode={mode}]", "aria-pressed") == "false"
        page.click(f"[data-mode={mode}]")
        assert page.get_attribute(f"[data-mode={mode}]", "aria-pressed") == "true"
    assert over.evaluate("one => getComputedStyle(one).animationDuration") == "0.5s"
    page.locator(".cut").fill("30")
    assert over.evaluate("one => getComputedStyle(one).clipPath") == "inset(0px 0px 0px 30%)"
    page.hover(".card-b .shot")
    assert page.locator(".shot .lens:visible").count() == 3
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("document.querySelector('[data-mode=flicker]').disabled")
    assert page.get_attribute("[data-mode=flicker]", "aria-pressed") == "false"


def test_a_press_on_an_image_of_the_strip_makes_it_the_large_one(visit: Visit) -> None:
    page = visit("?epsilon=16")
    whole(page)
    page.click("[data-number='7']")
    page.wait_for_function("document.querySelector('.stage .says').innerText.includes('image 7 of 36')")
    page.wait_for_function("location.search.includes('large=6')")
    assert page.get_attribute("[data-number='7']", "aria-pressed") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.stage .says').innerText.includes('image 8 of 36')")


def test_what_is_not_computed_yet_is_computed_at_once(visit: Visit) -> None:
    page = visit(QUICK)
    before = page.locator(".card-a .shot").bounding_box()
    status_says(page, "Done in")
    assert "wrong on" in page.inner_text(".card-a .often")
    assert "live in" in page.inner_text(".footer")
    assert page.locator(".card-a .shot").bounding_box() == before
    assert page.is_enabled("#compare-run")
    assert page.is_disabled("#compare-stop")


STOP_AT_A_PATTERN = """() => {
    const stop = document.querySelector("#compare-stop")
    if (stop.disabled || document.querySelectorAll(".patterns img.pattern").length < 2) return false
    stop.click()
    return true
}"""


def test_stop_keeps_what_there_is(visit: Visit) -> None:
    page = visit("?steps=200&images=64&epsilon=16")
    whole(page)
    page.click("#compare-run")
    status_says(page, "Step")
    page.wait_for_function(STOP_AT_A_PATTERN)  # by the page itself: on a busy machine the run would end before a click
    status_says(page, "Stopped at step")
    said = page.inner_text(".status")
    assert int(re.search(r"Stopped at step (\d+)", said)[1]) < 200, said
    page.wait_for_timeout(700)
    kept = page.get_attribute(PATTERNS, "src")
    page.wait_for_timeout(700)
    assert page.get_attribute(PATTERNS, "src") == kept
    assert page.evaluate("document.activeElement.id") == "compare-run"  # from there to Stop, and back
    assert "stopped at step" in page.inner_text(".card-a .often")
    assert page.is_enabled("#compare-run")


def test_whoever_waits_sees_the_line_move_and_then_the_run(visit: Visit) -> None:
    # in browsers of their own: one has up to six connections to a server, and a page that waits takes two
    pages = [visit("?steps=200&images=64&epsilon=8", stranger=number > 0) for number in range(3)]
    one, two, three = pages
    for page, words in zip(pages, ("Step", "1 run comes first", "2 runs come first"), strict=True):
        whole(page)
        page.click("#compare-run")
        status_says(page, words)
    two.click("#compare-stop")
    status_says(two, "Stopped before the first step")
    status_says(three, "Waiting for its turn: 1 run comes first")
    assert three.get_attribute(".status [role=status]", "aria-live") == "polite", "that it has moved is read out"
    one.click("#compare-stop")
    status_says(three, "Step")
    three.click("#compare-stop")
    status_says(three, "Stopped at step")
    assert two.inner_text(".status").startswith("Stopped"), "it does not begin again by itself"
    assert two.inner_text(".card-a .read").startswith("reads"), "what was shown before is shown again"


def test_a_choice_during_a_run_ends_it_and_no_later_picture_covers_the_new_view(visit: Visit) -> None:
    page = visit("?steps=200&images=64&epsilon=8")
    whole(page)
    for side in ("B ▲ added", "Clean"):
        page.click("#compare-run")
        status_says(page, "Step")
        page.click(f".leaf label:has-text('{side}')")  # another look: the run goes on
        page.wait_for_timeout(300)
        assert page.is_disabled("#compare-run")
        page.click(
            ".controls label:has-text('Equal effect')" if side == "Clean" else "label:has-text('Equal strength')"
        )
        if side == "Clean":
            status_says(page, "Yours:")
            page.wait_for_timeout(600)
            assert "Yours:" in page.inner_text(".status")
            assert page.is_enabled("#compare-run")
            return
        page.focus(".strength input[type=range]")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("location.search.includes('epsilon=16')")
        status_says(page, "Yours:")


UNUSED = "Stored: 140 and 100 steps, 2,048 images, seed 0. Yours: 200 steps, 2,048 images, seed 9999, about 1,000 s."
"""The longest status line of a view at rest."""


def test_a_line_on_unused_settings_moves_nothing(visit: Visit) -> None:
    page = visit("?epsilon=8&steps=10")
    whole(page)
    status_says(page, "Stored: 2 steps, 32 images, seed 0. Yours: 10 steps")
    below = []
    for words in ("Step 3 of 60.", UNUSED):
        page.locator(".status p").first.evaluate("(one, words) => one.textContent = words", words)
        below.append(page.locator(".more").first.bounding_box())
    assert below[0] == below[1]
    assert below[1]["y"] + below[1]["height"] <= 720


def test_epsilon_by_keyboard_changes_numbers_pattern_and_address(visit: Visit) -> None:
    page = visit("?epsilon=8")
    whole(page)
    pattern, picture = (page.get_attribute(name, "src") for name in (PATTERNS, ".card-a .over"))
    page.focus(".strength input[type=range]")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('epsilon=16')")
    page.wait_for_function("document.querySelector('.strength').innerText.includes('16/255')")
    page.wait_for_function("document.querySelector('.card-a .often').innerText.includes('at 16/255')")
    assert page.get_attribute(PATTERNS, "src") != pattern
    assert page.get_attribute(".card-a .over", "src") != picture
    assert "16/255" in page.inner_text(".patterns figcaption >> nth=0")


def shown(page: Any) -> list[str]:
    """What follows the strength at once."""
    return [page.inner_html(part) for part in ("h1", ".card-a .says", ".card-b .says", ".values", ".patterns .both")]


def test_a_drag_is_answered_in_the_browser_and_in_full_once_it_rests(visit: Visit) -> None:
    page = visit("?epsilon=8")
    whole(page)
    status_says(page, "Stored")
    page.wait_for_function("window.plainsight.views(16)")
    before = page.inner_html(".strip")
    waiting: list[Any] = []
    page.route("**/queue/join*", lambda route: waiting.append(route))  # the server hears nothing for now
    page.focus(".strength input[type=range]")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.card-b .often').innerText.includes('at 16/255')")
    at_once = shown(page)
    assert "ε = 16/255" in page.inner_text(".strength")
    assert page.inner_html(".strip") == before
    assert "epsilon=8" in page.url
    while not waiting:
        page.wait_for_timeout(50)
    for route in waiting:
        route.continue_()
    page.unroute("**/queue/join*")
    page.wait_for_function("location.search.includes('epsilon=16')")
    page.wait_for_function("before => document.querySelector('.strip').innerHTML !== before", arg=before)
    assert shown(page) == at_once


def test_a_drag_that_goes_on_while_the_server_answers_ends_where_it_ended(visit: Visit) -> None:
    page = visit("?epsilon=8")
    whole(page)
    page.wait_for_function("window.plainsight.views(16)")
    waiting: list[Any] = []
    page.route("**/queue/join*", lambda route: waiting.append(route))
    page.focus(".strength input[type=range]")
    page.keyboard.press("ArrowRight")
    while not waiting:
        page.wait_for_timeout(50)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)  # the slider rests again, and its first rest is not answered yet
    for route in waiting:
        route.continue_()
    page.unroute("**/queue/join*")
    page.wait_for_function("location.search.includes('epsilon=16')")
    page.wait_for_function("document.querySelector('.card-a .often').innerText.includes('at 16/255')")
    assert page.input_value(".strength input[type=range]") == "16"
    assert "ε = 16/255" in page.inner_text(".strength")


def test_images_can_be_leafed_through(visit: Visit) -> None:
    page = visit("?epsilon=16")
    whole(page)
    first = page.get_attribute(".strip img", "src")
    page.click(".leaf label:has-text('Clean')")
    page.wait_for_function("src => document.querySelector('.strip img').src !== src", arg=first)
    page.click("#later")
    for place in ("11 to 20 of 36", "21 to 30 of 36", "31 to 36 of 36"):
        page.wait_for_function("text => document.querySelector('.place').innerText.includes(text)", arg=place)
        if not place.startswith("31"):
            page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'earlier'")


def test_two_visitors_do_not_see_each_other(visit: Visit) -> None:
    one, two = visit("?epsilon=16"), visit("?epsilon=8", stranger=True)
    for page in (one, two):
        whole(page)
    one.focus(".strength input[type=range]")
    for _ in range(8):
        one.keyboard.press("ArrowRight")
    one.wait_for_function("location.search.includes('epsilon=32')")
    two.click(".leaf label:has-text('Clean')")
    two.wait_for_function("location.search.includes('added=clean')")
    assert "epsilon=8" in two.url
    assert "at 8/255" in two.inner_text(".card-a .often")
    assert "added=a" in one.url


def test_a_phone_needs_no_sideways_scrolling_and_keeps_strength_and_run_in_view(visit: Visit) -> None:
    page = visit("?epsilon=16", size=(390, 844))
    whole(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.mouse.wheel(0, 600)
    for name in ("#compare-run", ".strength input[type=range]"):
        box = page.locator(name).bounding_box()
        assert 600 < box["y"] < 844


def test_dark_and_light(visit: Visit) -> None:
    page = visit(dark=True)
    whole(page)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-toggle]")
    page.wait_for_function("before => getComputedStyle(document.body).backgroundColor !== before", arg=dark)
    assert "rgb(20, 24, 29)" in dark


def test_absent_images_and_odd_addresses_get_a_sentence(visit: Visit) -> None:
    page = visit("?data=cifar10&epsilon=17&embed=true", size=(760, 520))
    status_says(page, "epsilon")
    assert "are not on this server" in page.inner_text(".stage >> nth=0")
    card = page.locator(".card-a").bounding_box()  # inside another page it is whole, and stays so
    assert card["y"] + card["height"] <= 520
    assert not page.is_visible("#compare-run")
    page.wait_for_function("location.search.endsWith('&embed=true')")
    page.goto(page.url.split("?")[0] + "?data=cifar10")
    page.wait_for_selector(".stage .missing")
    page.wait_for_selector("#later", state="hidden", timeout=5000)  # there is nothing to leaf through


def test_the_header_opens_the_api_page_and_fits_a_phone(visit: Visit) -> None:
    page = visit()
    whole(page)
    page.click("[data-api]")
    page.wait_for_selector("text=API documentation")
    page.wait_for_selector(".api-docs h2 ~ button[aria-label=Close]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".api-docs", state="detached")
    assert "view=" not in page.url
    assert "added=a" in page.url
    assert page.inner_text("[role=tab][aria-selected=true]") == "Compare"
    phone = visit(size=(390, 844))
    whole(phone)
    shown = phone.locator("[role=tab]:visible").all_inner_texts()
    phone.click("[aria-label='More tabs']")
    assert len(shown) > 2
    assert [*shown, *phone.locator(".overflow-dropdown button:visible").all_inner_texts()] == TABS
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    assert phone.locator("[role=tab]:visible").evaluate_all(cut) == []
    tools, tab = (phone.locator(name).first.bounding_box() for name in (".tools", "[role=tab]:visible"))
    assert tab["y"] >= tools["y"] + tools["height"]


def test_commands_to_take_home_can_be_read_and_copied(visit: Visit) -> None:
    page = visit("?epsilon=16")
    whole(page)
    page.click(".foot summary")
    box = page.locator(".commands").bounding_box()
    assert box["width"] > 500
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    commands = page.locator(".commands code").all_inner_texts()
    assert all(command.startswith("plainsight evaluate") for command in commands)
    page.keyboard.press("Escape")
    page.wait_for_selector(".commands", state="hidden")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    page.wait_for_selector(".commands")
    page.click("h1")
    page.wait_for_selector(".commands", state="hidden")


def test_two_fingers_enlarge_a_picture_on_a_phone(visit: Visit) -> None:
    page = visit("?epsilon=16", size=(390, 844))
    whole(page)
    session = page.context.new_cdp_session(page)
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    session.send("Emulation.setDeviceMetricsOverride", phone)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    page.locator(".card-a .shot").scroll_into_view_if_needed()
    box, address = page.locator(".card-a .shot").bounding_box(), page.url
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def fingers(kind: str, *apart: float) -> None:
        points = [{"x": x + sign * apart[0], "y": y, "id": number} for number, sign in enumerate((-1, 1)) if apart]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for _ in range(8):  # a busy machine drops moves
        fingers("touchStart", 15)
        for step in range(1, 12):
            fingers("touchMove", 15 + 6 * step)
            page.wait_for_timeout(16)
        fingers("touchEnd")
        page.wait_for_timeout(100)
        if page.evaluate("visualViewport.scale") > 1.5:
            break
    assert page.evaluate("visualViewport.scale") > 1.5
    page.wait_for_function("!document.querySelector('.holding')")
    assert page.url == address
