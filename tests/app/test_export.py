"""The static edition: what is in its folder, that its numbers are the service's, and which folders are refused."""

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from huggingface_hub import SpaceCard

from app import figures, service
from app.components import PLOTLY_JS
from app.edition import live
from app.edition.export import document, folder, space
from app.edition.export.sides import aim_key
from app.edition.export.store import Strings, pieces, shared, slug, write
from app.markup import common, compare, replay, tradeoff
from app.preview import tags
from core.threat import from_units

OUTSIDE = re.compile(r"(?:src|href|action)=[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//|@import|fetch\([\"'`]https?:")


def data(edition: Path, name: str) -> Any:
    """What a script of the edition hands over."""
    text = (edition / "data" / f"{name}.js").read_text("utf-8")
    found = re.fullmatch(r'plainsightData\((".*?"),"([\w+/=]+)"\);\n', text)
    assert found
    assert json.loads(found[1]) == name
    return json.loads(zlib.decompress(base64.b64decode(found[2])))


def joined(numbers: int | list[int], strings: list[str], common: list[str] = []) -> str:  # noqa: B006 (never changed)
    """As `static/edition/store.js` does it."""
    numbers = [numbers] if isinstance(numbers, int) else numbers
    return "".join(common[-1 - number] if number < 0 else strings[number] for number in numbers)


@pytest.fixture
def pair(session: Any) -> Any:
    return replace(session, equal="effect")


def test_the_folder_holds_a_page_that_asks_no_other_host(edition: Path) -> None:
    names = {path.name for path in edition.iterdir()}
    assert {"index.html", "talk.html", "plainsight.css", "plainsight.js", "plotly.min.js", "preview.png"} <= names
    assert (edition / "plotly.min.js").read_bytes() == folder.plotly_js().read_bytes()
    for path in edition.rglob("*"):
        if path.suffix in (".html", ".css", ".js") and path.name != "plotly.min.js":
            assert not OUTSIDE.search(path.read_text("utf-8")), path.name
    page = (edition / "index.html").read_text("utf-8")
    assert re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page) == [
        "./favicon.png", "plainsight.css", "plainsight.js",
    ]  # fmt: skip
    assert 'property="og:image" content="./preview.png"' in page
    assert tags("https://example.org/x", "favicon.png").count("https://example.org/x/preview.png") == 2
    assert (edition / "talk.html").read_text("utf-8").count('href="index.html"') == 1


def test_the_smaller_library_of_figures_is_of_the_version_that_the_app_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pinned = json.loads((live.ROOT / "package.json").read_text("utf-8"))["devDependencies"]["plotly.js-basic-dist-min"]
    assert folder.version(PLOTLY_JS) == pinned, "npm install --save-dev --save-exact pins the same"
    monkeypatch.setattr(live, "ROOT", tmp_path)
    assert folder.plotly_js() == PLOTLY_JS
    basic = tmp_path / "node_modules" / "plotly.js-basic-dist-min" / "plotly-basic.min.js"
    basic.parent.mkdir(parents=True)
    basic.write_text("/**\n* plotly.js (basic - minified) v1.2.3\n", "utf-8")
    assert folder.plotly_js() == PLOTLY_JS
    basic.write_text(f"/**\n* plotly.js (basic - minified) v{pinned}\n", "utf-8")
    assert folder.plotly_js() == basic


def config(edition: Path) -> Any:
    """What the page knows from the start."""
    script = (edition / "plainsight.js").read_text("utf-8")
    return json.loads(script.partition(" = ")[2].partition(";\nwindow")[0])


def test_every_pair_of_compare_can_be_attacked_in_the_browser(edition: Path, pair: Any) -> None:
    try:
        live.browser_runtime()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    found = config(edition)
    assert set(found["live"]["groups"]) == set(found["tabs"]["compare"]["groups"])
    group = found["live"]["groups"]["signs"]
    assert set(group["models"]) == {name for _, name in found["tabs"]["compare"]["groups"]["signs"]["models"]}
    assert len([*(edition / "live").glob("weights-*.js")]) == len(group["models"])
    assert group["held_out"]["labels"][:36] == data(edition, "compare/signs/group")["labels"]
    file = data(edition, f"compare/signs/{slug(pair.a)}/with-{slug(pair.b)}/spgd")
    told = {
        state: {name: joined(numbers, file["strings"]) for name, numbers in parts.items()}
        for state, parts in file["views"]["effect 50"]["forming"].items()
    }
    assert "forming now on @images_a@ training images" in told["forming"]["headline"]
    stored = service.comparison(pair, service.outcomes(pair))
    assert told["measured"]["headline"].startswith("<h1>One pattern per model, added to @n_a@ images")
    assert "<strong>@value_b@%</strong>" in told["measured"]["headline"]
    assert "n = @n_b@ held out · live in @seconds_b@ s · this browser" in told["measured"]["footer"]
    command = "--epsilon @epsilon_b@ --steps @steps_b@ --images @images_b@ --seed @seed_b@ --batch-size"
    assert f"{command} {group['batch_size']}" in told["measured"]["footer"]
    assert stored.a.files[0].name.replace(f"e{stored.a.epsilon}", "live-e@epsilon_a@") in told["stopped"]["footer"]


def test_without_what_they_need_attacks_in_the_browser_are_left_out_and_that_is_said(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live.browser_runtime, "__defaults__", (tmp_path,))
    assert folder.live_parts(tmp_path) == {}
    assert "Without attacks in the browser: " in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_an_edition_is_small(edition: Path) -> None:
    files = [path for path in edition.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < folder.LARGEST
    assert max(path.stat().st_size for path in files) < 10_000_000, "larger ones take Git LFS on the Hub"
    needed = {"index.html", "plainsight.css", "plainsight.js", "favicon.png"}
    assert sum((edition / name).stat().st_size for name in needed) < 400_000


def test_a_pair_is_told_as_the_app_tells_it(edition: Path, pair: Any) -> None:
    found = service.comparison(pair, service.outcomes(pair))
    file = data(edition, f"compare/signs/{slug(pair.a)}/with-{slug(pair.b)}/spgd")
    view = file["views"]["effect 50"]
    assert view["strengths"] == [found.a.epsilon, found.b.epsilon]
    told = {name: joined(numbers, file["strings"]) for name, numbers in view["parts"].items()}
    assert told["headline"] == common.headline(found.subject, found.a, found.b)
    assert told["visible"] == compare.visible(found.a, found.b)
    assert told["figure"] == figures.both(found.a, found.b)
    assert told["patterns"].replace("@pattern-a@", found.a.pattern or "").replace(
        "@pattern-b@", found.b.pattern or ""
    ) == compare.patterns(found.a, found.b, None)
    numbers = json.loads(joined(view["numbers"], file["strings"]))
    assert numbers["a"]["measured"]["value"] == found.a.measured.value
    assert numbers["chosen"]["equal"] == "effect"


def test_every_stored_strength_is_there_with_what_models_read(edition: Path, session: Any) -> None:
    group = data(edition, "compare/signs/group")
    for name in (session.a, session.b):
        one = replace(session, a=name, b=name)
        side = data(edition, f"compare/signs/{slug(name)}/spgd")
        side = side["strengths"]
        assert [int(epsilon) for epsilon in side] == service.strengths(one)
        for epsilon in side:
            strip = service.strip(*(lambda s: (s, service.outcomes(s)))(replace(one, epsilon=int(epsilon))))
            for cell in strip.cells:
                assert group["classes"][side[epsilon]["reads"][cell.number - 1]] == cell.a.after
                assert group["classes"][group["reads"][name][cell.number - 1]] == cell.a.before
    assert data(edition, "compare/signs/images-0")[0] == service.held_out("signs").images[0]


@pytest.mark.parametrize("attack", ["spgd", "random-signs", "checkerboard"])
def test_patterns_are_stored_as_a_factor_and_a_shape_that_strengths_share(
    edition: Path, session: Any, attack: str
) -> None:
    side = data(edition, f"compare/signs/{slug(session.a)}/{attack}")
    size, shapes = data(edition, "compare/signs/group")["size"], set()
    assert len(side["strengths"]) > 1
    for epsilon, found in side["strengths"].items():
        one = replace(session, attack=attack, b=session.a, epsilon=int(epsilon))
        shape = joined(found["units"], side["strings"])
        values = np.frombuffer(zlib.decompress(base64.b64decode(shape)), np.int8).reshape(*size, 3)
        kept = from_units(torch.from_numpy(found["factor"] * values).permute(2, 0, 1))
        outcome = service.outcomes(one)["a"]
        assert outcome is not None
        assert torch.equal(kept, outcome.delta[0])
        shapes.add(shape)
    assert attack == "spgd" or len(shapes) == 1


def test_how_two_patterns_form_is_one_file_for_both_orders(edition: Path, pair: Any) -> None:
    views = data(edition, f"compare/signs/{slug(pair.a)}/with-{slug(pair.b)}/spgd")["views"]
    file = data(edition, views["effect 50"]["replay"])
    for one in (pair, replace(pair, a=pair.b, b=pair.a)):
        found = service.replay(one)
        assert found is not None
        assert joined(file["first"][one.a], file["strings"]) == replay.player(found, close=True)


def test_what_is_stored_against_one_model_alone_is_offered_for_no_pair(edition: Path) -> None:
    tabs = config(edition)["tabs"]
    groups = tabs["compare"]["groups"]
    assert list(groups) == ["signs"]  # the images of CIFAR-10 may not be shown anywhere
    aims = groups["signs"]["aims"]
    for name, stored in aims.items():
        assert stored == [aim_key(aim) for aim in service.aims("signs", name)]
    assert stored[0] == "spgd"
    assert "streets" in tabs["tradeoff"]["groups"]
    assert "cifar10" not in tabs["blind"]["groups"]


def test_every_pair_of_the_trade_off_is_there(edition: Path) -> None:
    first = service.first(service.TradeoffSession, "signs")
    shared_pieces, file = data(edition, "tradeoff/signs/common"), data(edition, f"tradeoff/signs/{slug(first.a)}")
    for name, view in file["views"].items():
        page = service.tradeoff(replace(first, b=name))
        assert joined(view["headline"], file["strings"], shared_pieces) == tradeoff.headline(page)
        assert joined(view["figure"], file["strings"], shared_pieces) == figures.tradeoff(page)
        assert view["to_compare"] == {"value": "Open in Compare", "interactive": True}


@pytest.mark.parametrize(
    "text",
    [
        "<h1>One</h1><p>Two</p><table><tr><td>3</td></tr></table>",
        '{"data":[{"x":[1],"y":[2]},{"x":[3]}],"layout":{"xaxis":{"title":"x"},"meta":"told"}}',
        f'<img src="data:image/png;base64,{"Ab+/" * 200}=="> after',
        "",
    ],
)
def test_pieces_are_the_text_and_no_piece_is_kept_twice(text: str) -> None:
    assert "".join(pieces(text)) == text
    strings = Strings(shared([[text], [text]]))
    numbers = strings.put(text + "<p>own</p>")
    assert joined(numbers, strings.all(), strings.common.all()) == text + "<p>own</p>"
    assert strings.all() == ["<p>own</p>"]


def test_a_data_file_is_a_script_that_names_itself(tmp_path: Path) -> None:
    write(tmp_path, "a/b", ["</script> é"])
    assert data(tmp_path, "a/b") == ["</script> é"]


class TestFolders:
    @pytest.fixture(autouse=True)
    def _quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write one file in place of an edition."""
        monkeypatch.setattr(folder, "_fill", lambda made, address: (made / folder.SIGN).write_text(address))

    def test_a_new_or_empty_folder_is_written_and_an_edition_written_anew(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("empty", "new/inner"):
            folder.write(tmp_path / name, "first")
            folder.write(tmp_path / name, "second")
            assert [path.read_text() for path in (tmp_path / name).iterdir()] == ["second"]

    def test_a_space_has_the_front_matter_that_the_hub_reads(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        space.main(tmp_path / "space", address="https://example.org/x/")
        front = SpaceCard((tmp_path / "space" / "README.md").read_text("utf-8")).data.to_dict()
        assert (front["sdk"], front["app_file"]) == ("static", "index.html")
        assert len(front["short_description"]) <= 60
        assert front["custom_headers"] == {
            "cross-origin-embedder-policy": "require-corp",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "cross-origin",
        }
        assert front["thumbnail"] == "https://example.org/x/preview.png"
        assert "thumbnail" not in SpaceCard(space.readme("static", "")).data.to_dict()
        assert "Push its files to a Space" in capsys.readouterr().out

    @pytest.mark.parametrize(("make", "words"), [
        (lambda path: (path.mkdir(), (path / "mine.txt").touch()), "holds other files; name an empty folder"),
        (lambda path: path.touch(), "is a file; name a folder"),
    ])  # fmt: skip
    def test_what_is_there_is_never_overwritten(
        self, tmp_path: Path, make: Any, words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        make(tmp_path / "there")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(typer.Exit) as error:
            folder.main(tmp_path / "there", "")
        assert error.value.exit_code == 2
        said = capsys.readouterr().err
        assert said.startswith(f"Error: {tmp_path / 'there'} {words}")
        assert said.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_failed_export_leaves_nothing_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.write(tmp_path / "old", "kept")

        def fails(made: Path, address: str) -> None:
            (made / "half").touch()
            raise OSError("No space left on device")

        monkeypatch.setattr(folder, "_fill", fails)
        for name in ("old", "new"):
            with pytest.raises(OSError, match="No space left"):
                folder.write(tmp_path / name)
        assert [path.name for path in tmp_path.iterdir()] == ["old"]
        monkeypatch.setattr(folder, "_fill", lambda made, address: (made / "x").write_bytes(bytes(11)))
        monkeypatch.setattr(folder, "LARGEST", 10)
        with pytest.raises(ValueError, match="at most"):
            folder.write(tmp_path / "new")
        assert [path.read_text() for path in (tmp_path / "old").iterdir()] == ["kept"]


def test_without_models_whose_images_may_be_shown_there_is_no_edition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path / "none"))
    with pytest.raises(ValueError, match="There are no"):
        folder.write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_modules_are_bundled_without_a_name_twice() -> None:
    names = re.findall(
        r"^(?:async )?(?:function|class|const|let) (\w+)",
        document.bundled(*(f"{name}.js" for name in document.MODULES)),
        re.MULTILINE,
    )
    assert len(names) == len(set(names))
