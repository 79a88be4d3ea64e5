"""The views of the page, one module each, which import nothing of each other."""

from explorer.app.view import View
from explorer.app.views import compare, interpolate, manifold, map, model, reconstruct, sliders

VIEWS: tuple[View, ...] = (
    map.VIEW,
    manifold.VIEW,
    sliders.VIEW,
    interpolate.VIEW,
    reconstruct.VIEW,
    compare.VIEW,
    model.VIEW,
)
"""In the order of their tabs; a visit begins with the first."""
