"""The Compare tab in a real Chromium, as a person meets it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Visit = Callable[..., Any]
LONGEST = (
    "One pattern per model, added to 2,000 images it has never seen. "
    "The standard model is still right on 100%, the shared-trained model on 100%."
)
"""The longest headline of the first view."""
QUICK = "?steps=10&images=64&epsilon=6"


def status_says(page: Any, words: str) -> None:
    page.wait_for_function("words => document.querySelector('.status').innerText.includes(words)", arg=words)


def test_the_first_view_is_complete_with_nothing_clicked(visit: Visit) -> None:
    page = visit()
    page.wait_for_selector(".card-b img.pattern")
    assert "still right on" in page.inner_text("h1")
    assert "36 images" in page.inner_text("h1")
    assert page.locator("img.pattern").count() == 2
    assert page.locator(".strip li").count() == 9
    assert page.locator(".strip img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth === 96)")
    for side in "ab":
        assert "%" in page.inner_text(f".card-{side} .big")
        assert "Random noise" in page.inner_text(f".card-{side} .number")
        assert "SSIM" in page.inner_text(f".card-{side} .visibility")
        page.wait_for_selector(f".card-{side} .plotly-figure .main-svg")
    assert page.locator(".footer a[download]").count() == 5
    bottom = page.locator(".footer .foot").bounding_box()
    assert bottom["y"] + bottom["height"] <= 720
    page.set_viewport_size({"width": 1920, "height": 1080})
    wide = page.locator(".footer .foot").bounding_box()
    assert wide["y"] + wide["height"] > 0.8 * 1080
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
            below.append(page.locator(".pair").bounding_box()["y"])
        assert below[0] == below[1], width


def test_every_picture_and_field_has_a_name_and_the_keyboard_reaches_all(visit: Visit) -> None:
    page = visit("?epsilon=16")
    page.wait_for_selector(".card-b img.pattern")
    assert page.locator("img:visible:not([alt])").count() == 0
    unnamed = (
        """all => all.filter(one => !(one.labels?.length || one.ariaLabel || one.title)).map(one => one.outerHTML)"""
    )
    assert page.locator(".compare input:visible").evaluate_all(unnamed) == []
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
    page.wait_for_function("document.activeElement.type === 'range' && !document.querySelector('[role=listbox]')")
    attack.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('attack=deepfool')")
    page.wait_for_function("document.activeElement.ariaLabel === 'Attack' && !document.querySelector('[role=listbox]')")
    page.go_back()
    page.wait_for_function("location.search.includes('attack=spgd')")
    page.wait_for_function("box => box.value === 'Strongest (S-PGD)'", arg=attack.element_handle())


def test_a_run_forms_finishes_and_puts_measured_numbers_in_place(visit: Visit) -> None:
    page = visit(QUICK)
    status_says(page, "Space runs")
    assert "not computed yet" in page.inner_text(".card-a .big")
    before = page.locator(".card-a").bounding_box()
    page.keyboard.press("Space")
    page.wait_for_selector(".card-a .big.dim + .note, .card-a img.pattern")
    status_says(page, "Done in")
    assert "still right" in page.inner_text(".card-a .big")
    assert "live in" in page.inner_text(".footer")
    assert page.locator(".card-a").bounding_box() == before
    assert page.is_enabled("#compare-run")
    assert page.is_disabled("#compare-stop")


STOP_AT_A_PATTERN = """() => {
    const stop = document.querySelector("#compare-stop")
    if (stop.disabled || !document.querySelector(".card-b img.pattern")) return false
    stop.click()
    return true
}"""


def test_stop_keeps_what_there_is(visit: Visit) -> None:
    page = visit("?steps=200&images=64&epsilon=6")
    status_says(page, "Space runs")
    page.click("#compare-run")
    status_says(page, "Step")
    page.wait_for_function(STOP_AT_A_PATTERN)  # by the page itself: on a busy machine the run would end before a click
    status_says(page, "Stopped at step")
    assert int(re.search(r"Stopped at step (\d+)", page.inner_text(".status"))[1]) < 200
    page.wait_for_timeout(700)
    kept = page.get_attribute(".card-a img.pattern", "src")
    page.wait_for_timeout(700)
    assert page.get_attribute(".card-a img.pattern", "src") == kept
    assert page.evaluate("document.activeElement.id") == "compare-run"  # from there to Stop, and back
    assert "stopped at" in page.inner_text(".card-a .big")
    assert "Stopped at step" in page.inner_text(".status")
    assert page.is_enabled("#compare-run")


def test_a_choice_during_a_run_ends_it_and_no_later_picture_covers_the_new_view(visit: Visit) -> None:
    page = visit("?steps=200&images=64&epsilon=16")
    page.wait_for_selector(".card-b img.pattern")
    for _ in range(3):
        page.click("#compare-run")
        status_says(page, "Step")
        page.focus(".strength input[type=range]")
        page.keyboard.press("ArrowRight")
        status_says(page, "Space runs")
        page.wait_for_timeout(600)
        assert "Space runs" in page.inner_text(".status")
        assert page.is_enabled("#compare-run")


UNUSED = (
    "Shown: the stored patterns (140 and 100 steps on 2,048 images, seed 0). “Watch it form” uses your settings (200 "
    "steps on 2,048 images, seed 9999), about 1,000 s. Space runs and stops."
)
"""The longest status line of a view at rest."""


def test_a_line_on_unused_settings_moves_nothing(visit: Visit) -> None:
    page = visit("?epsilon=8&steps=10")
    status_says(
        page, "Shown: the stored patterns (2 steps on 32 images, seed 0). “Watch it form” uses your settings (10 steps"
    )
    below = []
    for words in ("Step 3 of 60.", UNUSED):
        page.locator(".status p").first.evaluate("(one, words) => one.textContent = words", words)
        below.append(page.locator(".more").first.bounding_box())
    assert below[0] == below[1]
    assert below[1]["y"] + below[1]["height"] <= 720


def test_epsilon_by_keyboard_changes_numbers_pattern_and_address(visit: Visit) -> None:
    page = visit("?epsilon=8")
    page.wait_for_selector(".card-b img.pattern")
    pattern = page.get_attribute(".card-a img.pattern", "src")
    page.focus(".strength input[type=range]")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('epsilon=16')")
    page.wait_for_function("document.querySelector('.strength').innerText.includes('16/255')")
    assert page.get_attribute(".card-a img.pattern", "src") != pattern
    assert "16/255" in page.inner_text(".card-a .left .note")


def test_amplification_and_images_can_be_changed(visit: Visit) -> None:
    page = visit("?epsilon=16")
    page.wait_for_selector(".card-b img.pattern")
    pattern, first = (page.get_attribute(name, "src") for name in (".card-b img.pattern", ".strip img"))
    page.click(".card-a .segments label:has-text('×1') >> nth=0")
    page.wait_for_function("document.querySelector('.card-b .left .note').innerText.startsWith('×1,')")
    assert page.get_attribute(".card-b img.pattern", "src") != pattern
    page.click(".stripbar label:has-text('Clean')")
    page.wait_for_function("src => document.querySelector('.strip img').src !== src", arg=first)
    page.click("#later")
    for place in ("10 to 18", "19 to 27", "28 to 36"):
        page.wait_for_function("text => document.querySelector('.place').innerText.includes(text)", arg=place)
        if place != "28 to 36":
            page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'earlier'")


def test_two_visitors_do_not_see_each_other(visit: Visit) -> None:
    one, two = visit("?epsilon=16"), visit("?epsilon=8", stranger=True)
    for page in (one, two):
        page.wait_for_selector(".card-b img.pattern")
    one.focus(".strength input[type=range]")
    for _ in range(8):
        one.keyboard.press("ArrowRight")
    one.wait_for_function("location.search.includes('epsilon=32')")
    two.click(".stripbar label:has-text('Clean')")
    two.wait_for_function("location.search.includes('added=clean')")
    assert "epsilon=8" in two.url
    assert "8/255" in two.inner_text(".card-a .left .note")
    assert "added=a" in one.url


def test_a_phone_needs_no_sideways_scrolling(visit: Visit) -> None:
    page = visit(size=(390, 844))
    page.wait_for_selector(".card-b img.pattern")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#compare-run").bounding_box()["y"] < 844


def test_dark_and_light(visit: Visit) -> None:
    page = visit(dark=True)
    page.wait_for_selector(".card-b img.pattern")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-toggle]")
    page.wait_for_function("before => getComputedStyle(document.body).backgroundColor !== before", arg=dark)
    assert "rgb(20, 24, 29)" in dark


def test_absent_images_and_odd_addresses_get_a_sentence(visit: Visit) -> None:
    page = visit("?data=cifar10&epsilon=17&embed=true", size=(760, 520))
    status_says(page, "epsilon")
    assert "are not on this server" in page.inner_text(".stripbox")
    card = page.locator(".card-a").bounding_box()  # inside another page it is whole, and stays so
    assert card["y"] + card["height"] <= 520
    assert not page.is_visible("#compare-run")
    page.wait_for_function("location.search.endsWith('&embed=true')")


def test_the_header_opens_the_api_page_and_fits_a_phone(visit: Visit) -> None:
    page = visit()
    page.wait_for_selector(".card-b img.pattern")
    page.click("[data-api]")
    page.wait_for_selector("text=API documentation")
    page.wait_for_selector(".api-docs h2 ~ button[aria-label=Close]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".api-docs", state="detached")
    assert "view=" not in page.url
    assert "added=a" in page.url
    assert page.inner_text("[role=tab][aria-selected=true]") == "Compare"
    phone = visit(size=(390, 844))
    phone.wait_for_selector(".card-b img.pattern")
    assert phone.locator("[role=tab]:visible").all_inner_texts() == ["Compare", "Segmentation", "Trade-off"]
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    assert phone.locator("[role=tab]:visible").evaluate_all(cut) == []
    tools, tab = (phone.locator(name).first.bounding_box() for name in (".tools", "[role=tab]:visible"))
    assert tab["y"] >= tools["y"] + tools["height"]


def test_commands_to_take_home_can_be_read_and_copied(visit: Visit) -> None:
    page = visit("?epsilon=16")
    page.wait_for_selector(".card-b img.pattern")
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
