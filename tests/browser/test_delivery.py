"""Delivery of code and models to the page, and what it does when they arrive damaged."""

from __future__ import annotations

import base64
import re
import urllib.error
import urllib.request
from typing import Any

import numpy as np

from explorer.app.server import address_of
from explorer.bundle.bundle import Bundle
from explorer.bundle.images import find_originals
from explorer.core.pixels import to_pixels
from explorer.web.code import ENTRY, FOLDER, VERSION, WORKER
from explorer.web.payload import NOT_ALL
from explorer.web.payload import encode_model as payload_of

from .visitor import BARE, DEEP, FLAT, ODD, OTHER, VIEWS, Visitor, decode, strip


def test_weights_that_arrive_damaged_show_an_alert_and_no_garbage(
    further: Visitor, bundles: dict[str, Bundle]
) -> None:
    """Bytes of two models change on their way: a bit flips, and 64 bytes become zeros."""
    whole = {name: weights_of(bundles[name]) for name in (FLAT, OTHER)}
    damaged = {
        FLAT: bytes([whole[FLAT][0] ^ 64]) + whole[FLAT][1:],
        OTHER: bytes(len(whole[OTHER])),
    }
    changed = []

    def pass_on(route: Any) -> None:
        response = route.fetch()
        body = response.body()
        for name, weights in whole.items():
            if weights in body:
                changed.append(name)
                body = body.replace(weights, damaged[name])
        route.fulfill(response=response, body=body)

    # It leads past ``pass_on``
    further.page.route("**/opened*", lambda route: route.fulfill(status=204))
    further.page.route("**/model/*", pass_on)
    further.page.goto(f"{further.url}/?model={FLAT}&view=Sliders")
    is_calm_without_a_picture(further)
    further.choose_model(bundles[OTHER])
    further.until_address("the model changes", model=OTHER)
    is_calm_without_a_picture(further)
    assert changed == [FLAT, OTHER]


def test_the_first_map_waits_for_no_further_script_of_streamlit(further: Visitor) -> None:
    """When this test fails, ``internals.FIRST_ELEMENTS`` lacks what Streamlit asks for late."""
    late: list[str] = []

    def listen(_: Any) -> None:
        further.page.on("request", lambda request: late.append(request.url))

    further.page.once("websocket", listen)
    further.open(model=FLAT, view="Map")
    assert any("/images/" in url for url in late)
    assert [url for url in late if "/static/js/" in url] == []


def test_the_model_is_asked_for_once_and_before_the_first_run(
    further: Visitor, bundles: dict[str, Bundle]
) -> None:
    asked: list[str] = []
    further.page.on("request", lambda request: asked.append(request.url))
    further.page.once("websocket", lambda _: asked.append("first run"))
    further.open(model=DEEP, view="Map")
    (model,) = [url for url in asked if "/model/" in url]
    assert model.endswith(bundles[DEEP].content)
    (opened,) = [url for url in asked if "/opened?" in url]
    assert asked.index(opened) < asked.index("first run")


def weights_of(bundle: Bundle) -> bytes:
    """Return 64 bytes from the middle of the decoder."""
    middle = len(bundle.decoder) // 2
    return bundle.decoder[middle : middle + 64]


def is_calm_without_a_picture(visitor: Visitor) -> None:
    alerts = visitor.page.get_by_role("alert")
    said = "The model did not arrive whole (wrong checksum); reload the page."
    visitor.until(lambda: alerts.all_inner_texts() == [said], "the page says so")
    visitor.rest()
    place = visitor.page.locator(".lens .place")
    visitor.until(lambda: place.inner_text().startswith("no picture"), "the lens says so, too")
    assert visitor.lens().min() == 255  # nothing is drawn


def test_an_original_that_the_page_has_not_comes_when_the_pointer_rests(
    further: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]
    originals = find_originals(bundle)
    assert originals is not None
    body = bundle.content.encode() + NOT_ALL
    further.page.route(re.compile("/live/.*/images/"), lambda route: route.fulfill(body=body))
    for row in (3, 4):
        z = ",".join(map(str, bundle.latents.z_mean[row].tolist()))
        further.open(model=FLAT, view="Map", z=z)
        further.until_said(further.page.locator(".lens .what"), f"image #{row} ")
        further.shows(originals[row, ..., 0] / 255, ".lens .original canvas")
    assert sum("/original/" in sent for sent in further.sent) == 2


def test_a_payload_cut_short_shows_an_alert(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    payload = payload_of(bundles[DEEP])
    visitor.open(model=FLAT, view="Model")
    for length in (0, 3, 100, len(payload) // 2, len(payload) - 1):
        said = visitor.page.evaluate(
            """async ([base64, address]) => {
                const { Store } = await import(new URL(address, document.baseURI));
                const root = document.createElement("div");
                const data = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
                new Store(root, { hub: null }).update(data);
                return root.querySelector("[role=alert]")?.textContent;
            }""",
            [base64.b64encode(payload[:length]).decode(), f"live/{VERSION}/parts/store.js"],
        )
        assert said == "The model did not arrive whole (it was cut short); reload the page.", length


def test_a_page_that_may_not_start_workers_decodes_by_itself(
    further: Visitor, bundles: dict[str, Bundle]
) -> None:
    further.page.add_init_script("delete globalThis.Worker")
    further.open(model=DEEP, view="Sliders", z="1,0,0,0,0,0,0,0")
    further.shows(decode(bundles[DEEP], [1] + [0] * 7))
    first = bundles[DEEP].dimensions_by_kl[0]
    further.shows(strip(bundles[DEEP], further.z, first), ".strip")
    near = further.page.locator(".lens .near", has_text="Nearest test image")
    near.wait_for()


def test_a_network_that_the_browser_cannot_run_is_decoded_by_the_server(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    visitor.open(model=ODD, view="Sliders", z="1,0.5")
    visitor.shows(decode(bundles[ODD], [1, 0.5]))
    alert = visitor.page.get_by_role("alert").filter(has_text="Decoded by the server")
    assert "Sin" in alert.inner_text()
    drag = visitor.grab(".range")
    for share in (0.3, 0.6, 0.45):
        drag(share)
    visitor.page.mouse.up()
    visitor.until(lambda: visitor.z != [1, 0.5], "the point has moved")
    visitor.shows(decode(bundles[ODD], visitor.z))


def test_a_model_without_a_decoder_shows_what_is_stored_and_says_what_needs_one(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle, page = bundles[BARE], visitor.page
    assert bundle.reconstructions is not None
    z = ",".join(map(str, bundle.latents.z_mean[3]))
    page.goto(f"{visitor.url}/?model={BARE}&view=Map&z={z}")
    page.locator(".lens .what", has_text="Test image #3").wait_for()
    visitor.shows(bundle.reconstructions[3, ..., 0] / 255, ".lens .again")
    told = []
    for view in VIEWS:
        page.get_by_role("tab", name=view, exact=True).click()
        visitor.until_address(f"{view} is open", view=view)
        visitor.rest()
        told += [view] * page.get_by_text(f"{view} needs a decoder").is_visible()
    assert told == ["Manifold", "Sliders", "Interpolate", "Reconstruct"]


def test_the_server_decodes_what_it_is_asked_and_nothing_else(
    app_url: str, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]

    def answer(body: bytes, content: str = bundle.content, **headers: str) -> tuple[int, bytes]:
        url = f"{app_url}/{address_of('decode', content)}"
        request = urllib.request.Request(url, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, b""

    z = np.array([0.5, -1], "<f4")
    pixels = to_pixels(decode(bundle, z.tolist()))
    assert answer(z.tobytes()) == (200, pixels.tobytes())
    for body in (b"", z.tobytes()[:7], z.tobytes() * 2, bytes(10**6), np.full(2, np.nan, "<f4")):
        assert answer(bytes(body))[0] == 400
    assert answer(z.tobytes(), f"{bundle.content}?class=10")[0] == 400
    assert answer(z.tobytes(), "0" * 64)[0] == 404
    assert answer(z.tobytes(), **{"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_code_comes_in_two_requests_the_first_of_which_the_document_tells(
    further: Visitor,
) -> None:
    further.open(model=FLAT, view="Map")
    loaded = further.page.evaluate(
        "performance.getEntriesByType('resource').map(({ name, startTime }) => [startTime, name])"
    )
    place = f"{further.url}/live/{VERSION}/"
    code = [name.removeprefix(place) for _, name in sorted(loaded) if f"{VERSION}/" in name]
    assert [name for name in code if name.endswith(".js")] == [ENTRY, WORKER]
    assert code[0] == ENTRY  # before any model


def test_code_and_models_are_served_for_good_under_their_version_and_nothing_else_is(
    app_url: str, bundles: dict[str, Bundle]
) -> None:
    def answer(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{app_url}/{path}", timeout=30) as response:
                return response.status, response.headers["Cache-Control"]
        except urllib.error.HTTPError as error:
            return error.code, ""

    for path in FOLDER.rglob("*.js"):
        status, caching = answer(f"live/{VERSION}/{path.relative_to(FOLDER).as_posix()}")
        assert (status, "immutable" in caching) == (200, True), path
    for bundle in bundles.values():
        address = address_of("model", bundle.content)
        with urllib.request.urlopen(f"{app_url}/{address}", timeout=30) as response:
            assert "immutable" in response.headers["Cache-Control"]
            assert response.read() == payload_of(bundle)
    for elsewhere in (
        address_of("model", "0" * 64),
        address_of("model", ""),
        address_of("images", f"{'0' * 63}/"),
        address_of("weights", bundles[FLAT].content),
        address_of("model", bundles[FLAT].content).replace(VERSION, "0" * len(VERSION)),
        f"live/{'0' * len(VERSION)}/streamlit.js",
        f"live/{VERSION}/",
        f"live/{VERSION}/style.css",
        f"live/{VERSION}/../../app.py",
        f"live/{VERSION}/%2e%2e/%2e%2e/app.py",
        f"live/{VERSION}//{FOLDER.parents[1] / 'app.py'}",
    ):
        assert answer(elsewhere)[0] in (400, 404), elsewhere
