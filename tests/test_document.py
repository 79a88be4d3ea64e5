"""Single-file pages: what they hold, what they must not do, and that they work from a disk."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import explorer
from explorer.bundle import walks
from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import name_of, parse_direction
from explorer.bundle.store import load_bundle, save_card
from explorer.core.pixels import to_pixels
from explorer.core.subsets import evenly_spaced
from explorer.drawing import raster
from explorer.web.code import FOLDER
from explorer.web.document import VIEWS, Look, PageError, pictures_of, write_page, write_site
from explorer.web.gallery import write_gallery
from explorer.web.notebook import WIDGET_VIEW
from explorer.web.payload import encode_model

SHIPPED = Path(__file__).parents[1] / "pretrained"
WALK = Path(__file__).parent / "javascript" / "walk_paths.js"


@pytest.fixture(scope="module")
def fashion() -> Bundle:
    return load_bundle(SHIPPED / "fashion_mnist-2d")


@pytest.fixture(scope="module")
def page_of_fashion(tmp_path_factory: pytest.TempPathFactory, fashion: Bundle) -> Path:
    path = tmp_path_factory.mktemp("page") / "fashion.html"
    path.write_bytes(write_page([fashion], Look("Clothes")))
    return path


def test_a_page_is_hardly_larger_than_what_it_holds(page_of_fashion: Path) -> None:
    bundle = SHIPPED / "fashion_mnist-2d"
    held = sum(
        path.stat().st_size
        for path in (*bundle.glob("*.onnx"), bundle / "latents.npz", *SHIPPED.glob("images/*.npz"))
    )
    assert page_of_fashion.stat().st_size < min(8_000_000, held + 400_000)


def test_pictures_are_in_a_page_where_they_may_be_passed_on(fashion: Bundle) -> None:
    rows, images = pictures_of(fashion, 25)
    np.testing.assert_array_equal(rows, evenly_spaced(10_000, 25))
    assert images is not None
    assert images.shape == (25, 28, 28, 1)
    assert pictures_of(fashion, 0)[1] is None
    for name in ("cifar10-80d", "cifar10-grey-15d"):
        cifar = load_bundle(SHIPPED / name)
        assert pictures_of(cifar, None)[1] is None
        with pytest.raises(PageError, match="no licence that lets you pass them on"):
            pictures_of(cifar, 10)


def test_what_a_card_says_is_no_markup(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = renamed(tiny_bundle, tmp_path, "</script><script>alert(1)</script><b>")
    for page in (
        write_page([bundle], Look(bundle.card.title)).decode("utf-16"),
        write_gallery([bundle], Look("", images=0))["index.html"].decode(),
    ):
        assert "alert(1)</script>" not in page
        assert "<b>" not in page


def renamed(bundle: Path, folder: Path, title: str) -> Bundle:
    """Return a copy of a bundle whose data set has another title, and its classes other names."""
    copy = folder / bundle.name
    shutil.copytree(bundle, copy)
    card = load_bundle(copy).card
    classes = tuple(f"{title} {i}" for i in range(len(card.data.classes)))
    data = card.data.model_copy(update={"title": title, "classes": classes})
    save_card(card.model_copy(update={"data": data}), copy)
    return load_bundle(copy)


def test_a_page_without_a_view_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(PageError, match="only the views"):
        write_page([load_bundle(tiny_bundle)], Look("", views=()))


def test_a_site_holds_the_same_as_files(tiny_bundle: Path) -> None:
    files = write_site([load_bundle(tiny_bundle)], Look("Shapes"))
    assert {"index.html", "code.gz", "contents.gz", "model-shapes-2d.gz"} <= set(files)
    assert "connect-src 'self'" in files["index.html"].decode("utf-16")


def test_a_page_walks_as_the_app_does(node: Path, tmp_path: Path) -> None:
    bundle = load_bundle(SHIPPED / "mnist-8d")
    (tmp_path / "model").write_bytes(encode_model(bundle, np.empty(0, np.int64)))
    ends = bundle.latents.z_mean[[0, 1]].astype("<f4")
    (tmp_path / "ends").write_bytes(ends.tobytes())
    command = [node, WALK, tmp_path / "model", tmp_path / "ends"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 3
    assert bundle.latents.graph is not None
    for found in map(json.loads, lines):
        walk = walks.walk(bundle, found["kind"], list(ends), bundle.latents.graph)
        np.testing.assert_allclose(found["points"], walk.points, atol=1e-4)
        np.testing.assert_allclose(found["changes"], walk.changes, atol=1e-2)
        density = bundle.latents.aggregate_posterior.log_density(walk.points)
        thin = np.mean(density < walks.thin_limit(bundle.latents))
        assert np.mean(np.less(found["shares"], 10)) == pytest.approx(thin, abs=0.011)
        scores = walks.score_path(bundle, walk.points)
        assert found["back"] == pytest.approx(scores.return_distance, rel=0.01)


def test_a_page_works_from_a_disk_in_every_view(
    chromium: Any, page_of_fashion: Path, fashion: Bundle
) -> None:
    context = chromium.new_context(offline=True)
    context.add_init_script("localStorage.setItem('latent-space-tour', 'seen')")
    page, told, asked = context.new_page(), [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{page_of_fashion.as_uri()}#view=Sliders&z=1,-0.5")
    assert page.title() == "Clothes"
    for z in ([1.0, -0.5], [-2.0, 1.5]):
        page.evaluate("z => { location.hash = `view=Sliders&z=${z}` }", z)
        page.get_by_text(f"decoded at z = ({z[0]:.2f}, {z[1]:.2f})".replace("-", "−")).wait_for()
        expected = to_pixels(fashion.codec.decode(np.array([z], np.float32)))[0, ..., 0]
        shown = page.locator(".lens .picture").evaluate(
            "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]"
        )
        difference = np.reshape(shown, (28, 28, 4))[..., 0] - expected.astype(int)
        assert np.abs(difference).max() <= 1
    assert len(page.workers) == 1
    for view in VIEWS:
        page.get_by_role("tab", name=view, exact=True).click()
        page.locator(f"[data-view={view}] .main > :nth-child(2)").wait_for()
        page.wait_for_timeout(300)
    pins = "first~test-17;bad~test-99999;%25~1 2;%zz"
    page.evaluate("text => { location.hash = `view=Map&a=nothing&${text}` }", f"pins={pins}")
    page.get_by_role("button", name="Back to first").wait_for()
    assert page.get_by_role("button", name=re.compile("^Back to")).count() == 2
    page.get_by_role("button", name="The direction first → %").click()
    slider = page.locator(".direction .range")
    page.evaluate("text => { location.hash = `view=Sliders&z=${text}` }", "1,2")
    assert page.get_by_role("combobox", name="Direction").locator(":checked").text_content() == (
        "first → %"
    )
    from_first = parse_direction("ends:test-17:1,2", fashion)
    expected = from_first.project(np.array([[1.0, 2.0]]))[0]
    page.wait_for_function(
        "expected => Math.abs(document.querySelector('.direction > div').shadowRoot"
        ".querySelector('.range').value - expected) < 0.01",
        arg=expected,
    )
    assert slider.is_visible()
    page.get_by_role("button", name="Interpolate first → %").click()
    page.get_by_role("radio", name="Along the data").click()
    page.locator(".scores tr.chosen", has_text="Along the data").wait_for()
    page.get_by_role("button", name="Random", exact=True).click()
    before = page.url
    page.keyboard.press("r")
    page.wait_for_function("before => location.href !== before", arg=before)
    page.get_by_role("button", name="Undo", exact=True).click()
    assert page.url == before
    field = page.get_by_label("Coordinates of the point")
    field.fill("(0.5, −1)")  # as a notebook prints it
    field.press("Enter")
    page.wait_for_function("location.hash.includes('&z=0.5%2C-1&')")
    page.evaluate("location.hash = 'view=Map&colour=z7'")  # of a model with more dimensions
    page.locator("[data-view=Map] .plot").wait_for()
    colour = page.get_by_role("combobox", name="Colour")
    assert colour.locator(":checked").text_content() == "class"
    assert not page.locator(".notice").is_visible()
    page.evaluate("location.hash = 'model=none&view=map&drag=fast'")
    said = page.locator(".notice").inner_text().split("\n")
    assert [re.sub("; .*", "", sentence) for sentence in said] == [
        f"The address asks for {what}, which does not exist"
        for what in ("model “none”", "view “map”", "drag “fast”")
    ]
    assert told == []
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [
        page_of_fashion.as_uri()
    ]
    context.close()


def test_a_page_fits_the_window(chromium: Any, page_of_fashion: Path) -> None:
    sizes = """() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      return [scrollWidth - innerWidth, scrollHeight - innerHeight];
    }"""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script("localStorage.setItem('latent-space-tour', 'seen')")
    page.goto(page_of_fashion.as_uri())
    page.locator(".lens .badge").first.wait_for()
    page.get_by_role("button", name="Pin the point").click()
    page.get_by_role("button", name="Back to Pin 1").wait_for()
    assert page.evaluate(sizes) == [0, 0]  # the row of pins is in sight
    page.set_viewport_size({"width": 360, "height": 740})
    for view in VIEWS:
        page.get_by_role("tab", name=view, exact=True).click()
        page.locator(f"[data-view={view}] .main > :nth-child(2)").wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate(sizes)[0] <= 0, view
    page.close()


def test_a_picture_that_is_opened_in_a_page_becomes_what_the_model_sees(
    chromium: Any, page_of_fashion: Path, tmp_path: Path
) -> None:
    """Dark on light: it is inverted, as the images of this set are light on black."""
    page = chromium.new_page()
    page.goto(f"{page_of_fashion.as_uri()}#view=Reconstruct")
    pixels = np.full((280, 280), 255, np.uint8)
    pixels[90:190, 90:190] = 0
    (tmp_path / "square.png").write_bytes(raster.png(pixels))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a picture").click()
    chooser.value.set_files(tmp_path / "square.png")
    page.get_by_role("application", name="What the model sees of the picture").wait_for()
    data = page.locator("canvas.seen").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    image = np.reshape(data, (28, 28, 4))[..., 0]
    assert image[14, 14] > 250
    assert image[:3].max() < 5
    page.close()


def test_a_tour_covers_nothing_and_ends_when_the_user_goes_elsewhere(
    chromium: Any, page_of_fashion: Path
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(page_of_fashion.as_uri())
    tour = page.locator(".tour")
    tour.get_by_role("heading", name="1 of 5").wait_for()
    page.locator(".lens .badge").first.wait_for()
    page.wait_for_timeout(500)
    top = tour.bounding_box()["y"]
    for covered in (page.locator("footer"), page.get_by_role("button", name="Pin the point")):
        box = covered.bounding_box()
        assert box["y"] + box["height"] <= top
    tour.get_by_role("button", name="Next").click()
    page.get_by_role("tab", name="Interpolate").click()
    tour.wait_for(state="hidden")
    page.reload()
    page.locator(".lens .badge").first.wait_for()
    assert not tour.is_visible()
    context.close()


def test_the_command_writes_a_page_and_says_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from explorer.cli.page import main

    output = tmp_path / "mnist.html"
    link = "http://localhost:8501/?model=mnist-2d&view=Map&z=1,2"
    command = ["page", "mnist-2d", "-o", str(output), "--views", "map,model", "--start", link]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 0
    assert re.search(r"mnist\.html  \d\.\d MB", capsys.readouterr().out)
    (tmp_path / "no-bundle").mkdir()
    for wrong, sentence in (
        ([], "name a bundle"),
        (["mnist-3d"], "there is no bundle 'mnist-3d'"),
        (["mnist-2d", "--views", "mep"], "there is no view 'Mep'"),
        (["mnist-2d", "--start", "?view=Compare"], "the view 'Compare'; the page has Map, "),
        (["mnist-2d", "--start", "?model=mnist-8d"], "the model 'mnist-8d'; the page has mnist-2d"),
        (["mnist-2d", "--start", "?z=1"], "this model needs 2 numbers, not 1"),
        (["mnist-2d", "--start", "?pins=mine~test-10000"], "there are test images 0 to 9999"),
        (["mnist-2d", "--start", "?direction=means:3:10"], "a number from 0 to 9; not '10'"),
        (["mnist-2d", "--start", "?class=7"], "the model takes no class"),
        (["mnist-2d", "--start", "?map=nope"], "'nope' is no map; there are neighbourhoods,"),
        (["mnist-8d", "--start", "?axes=1,9"], "axes 1,9 are not two of its 8 dimensions"),
        (["mnist-8d", "--start", "?axes=2,2"], "axes 2,2 are not two of its 8 dimensions"),
        (["mnist-2d", "--start", "garbage"], "'garbage' has none of their parameters"),
        (["mnist-2d", "--start", "page.html#z=1"], "this model needs 2 numbers, not 1"),
        (["cifar10-80d", "--images", "9"], "no licence"),
        (["--gallery", str(tmp_path)], f"there are no bundles in {tmp_path}"),
    ):
        monkeypatch.setattr(sys, "argv", ["page", *wrong])
        assert main() == 2
        assert sentence in capsys.readouterr().err


def test_a_folder_of_files_is_not_written_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from explorer.cli.page import main

    output = tmp_path / "page.html"
    output.write_text("in the way")
    command = ["page", "mnist-2d", "--split", "-o", str(output), "--views", "model"]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 1
    assert f"{output} is a file, not a folder" in capsys.readouterr().err


def test_a_notebook_hears_what_is_reached_in_the_page(chromium: Any, tiny_bundle: Path) -> None:
    with pytest.raises(PageError, match="0 images or more, not -1"):
        explorer.show(tiny_bundle, images=-1)
    space = explorer.show(tiny_bundle, views=("Map",), height=500)
    assert space.point is None
    assert space.pins == {}
    assert "page" not in space.get_state()  # it is in the notebook once
    page_at_first = space._repr_html_()
    page = _notebook(chromium, space)
    frame = page.frame_locator("iframe")
    page.wait_for_function("told._point")
    space.set_state(page.evaluate("told"))
    assert space.point is not None  # where a visit begins
    begun = space.point
    frame.get_by_role("button", name="Random", exact=True).click()
    frame.get_by_role("button", name="Pin the point").click()
    page.wait_for_function("told._pins?.pins.length")
    space.set_state(page.evaluate("told"))
    assert space.point.shape == (2,)
    assert not np.array_equal(space.point, begun)
    np.testing.assert_array_equal(space.pins["Pin 1"], space.point)
    told = page.evaluate("told")
    page.evaluate("html => { unmount(); box.innerHTML = html; show() }", page_at_first)
    frame.get_by_role("button", name="Back to Pin 1", exact=True).wait_for()  # as it was
    assert page.evaluate("told") == told
    space.set_state({"_groups": {"A": [3, 5], "B": []}})
    assert space.groups["A"].tolist() == [3, 5]
    page.close()


def test_a_notebook_holds_the_page_and_below_it_the_widget(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, shown = explorer.show(tiny_bundle, views=("Model",)), []
    monkeypatch.setattr("explorer.web.notebook.display", lambda output, raw: shown.append(output))
    space._ipython_display_()
    assert [{*output} - {"text/plain"} for output in shown] == [{"text/html"}, {WIDGET_VIEW}]
    assert shown[1][WIDGET_VIEW]["model_id"] == space.model_id


def test_a_page_in_a_notebook_says_if_python_does_not_hear_of_it(
    chromium: Any, tiny_bundle: Path
) -> None:
    space = explorer.show(tiny_bundle, views=("Model",))
    page = chromium.new_page()
    page.set_content(space._repr_html_())
    page.get_by_text("Not connected to Python: run the cell again").wait_for()
    page.close()
    page = _notebook(chromium, space)
    assert page.locator("#box").inner_text() == ""
    page.close()


def test_a_widget_without_a_page_beside_it_gets_one(chromium: Any, tiny_bundle: Path) -> None:
    space = explorer.show(tiny_bundle, views=("Model",))
    page = _notebook(chromium, space)
    assert page.evaluate("sent") == 0  # its page is there
    page.evaluate("unmount(); box.innerHTML = ''; show()")
    sent: list[Any] = []
    space.send = lambda content, buffers: sent.extend(buffers)
    space._handle_custom_msg({}, [])
    assert page.evaluate("sent") == 1
    page.evaluate(
        "text => heard['msg:custom']({}, [new TextEncoder().encode(text)])", sent[0].decode()
    )
    page.frame_locator("iframe").get_by_role("tab", name="Model").wait_for()
    assert page.locator("#box").inner_text() == ""
    page.close()


def test_a_direction_names_its_classes_by_number_or_name(fashion: Bundle) -> None:
    by_number, by_name = "means:0:9", "means:T-shirt/top:Ankle boot"
    np.testing.assert_array_equal(
        parse_direction(by_name, fashion).unit, parse_direction(by_number, fashion).unit
    )
    assert name_of(by_name, fashion) == name_of(by_number, fashion) == "T-shirt/top → Ankle boot"
    with pytest.raises(ValueError, match="ends:FROM:TO was expected; TO is missing"):
        parse_direction("ends:test-1", fashion)


def test_a_page_in_a_notebook_has_its_theme(chromium: Any, tiny_bundle: Path) -> None:
    space = explorer.show(tiny_bundle, views=("Map",))
    page = _notebook(chromium, space)
    html = page.frame_locator("iframe").locator("html")
    assert html.get_attribute("data-theme") is None
    for change, theme in (
        ("body.dataset.jpThemeLight = 'false'", "dark"),
        ("body.dataset.jpThemeLight = 'true'", "light"),
        ("delete body.dataset.jpThemeLight; body.className = 'vscode-dark'", "dark"),
    ):
        page.evaluate(f"const {{ body }} = document; {change}")
        html.and_(page.frame_locator("iframe").locator(f"[data-theme={theme}]")).wait_for()
        assert html.evaluate("element => getComputedStyle(element).colorScheme") == theme
    page.close()


def _notebook(chromium: Any, space: Any) -> Any:
    """A page with a widget's output, connected to ``told`` in place of a kernel."""
    page = chromium.new_page()
    page.set_content(f"<div id='box'>{space._repr_html_()}</div>")
    page.evaluate(
        """async ([code, frame]) => {
          const address = `data:text/javascript,${encodeURIComponent(code)}`;
          const { default: widget } = await import(address);
          Object.assign(window, { told: {}, heard: {}, sent: 0 });
          const set = (name, value) => (told[name] = value);
          const get = (name) => ({ _frame: frame, height: 500, ...told })[name] ?? "";
          const on = (event, use) => (heard[event] = use);
          window.model = { get, set, on, save_changes() {}, off() {}, send: () => sent++ };
          window.show = () => (window.unmount = widget.render({ model, el: box }));
          show();
        }""",
        [(FOLDER / "page" / "widget.js").read_text(), space._frame],
    )
    return page
