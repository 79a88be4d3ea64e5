"""The figures of a card as text: name, value and definition of each."""

from __future__ import annotations

import math
from collections.abc import Iterator

from explorer.bundle.card import Bound, Card, DisentanglementCard, KlPartsCard
from explorer.core.likelihoods import LIKELIHOODS
from explorer.core.neighbourhood import JUDGED_NEIGHBOURS

Figure = tuple[str, str, str]
"""Name, value, definition."""
_COST = "what it costs to tell the latent, nats, which bounds what the latent tells about the image"
PARTS = {
    "information": "mutual information I(x; z)",
    "total_correlation": "total correlation",
    "dimension_wise": "dimension-wise KL",
}
"""The parts of the KL, by their names on the card."""
FACTORS = {
    "mig": "mutual information gap (MIG)",
    "sap": "separated predictability (SAP)",
    "disentanglement": "disentanglement (DCI)",
    "completeness": "completeness (DCI)",
}
"""Scores of how well single dimensions represent single factors, by their names on the card."""


def main_figures(card: Card) -> list[Figure]:
    """The figures that best say how good a model is."""
    m = card.metrics
    return [
        ("test −ELBO", _nats(m.neg_elbo),
         "Reconstruction + KL, nats per image: an upper bound on −log p(x). Lower is better."),
        ("reconstruction", _nats(m.reconstruction),
         f"−log p(x|z) averaged over {_draws(m.samples)} of z from q(z|x), nats per image"),
        ("KL", _nats(m.kl), kl_definition(card)),
        ("active units", f"{m.active_units} of {card.model.latent_dim}",
         "Dimensions whose posterior mean has a variance above 0.01 over the test set "
         "(Burda et al. 2016)"),
    ]  # fmt: skip


def _nats(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _draws(count: int) -> str:
    return f"{count} draw{'s' * (count > 1)}"


def kl_definition(card: Card) -> str:
    """What the KL term is; with a flow it has no closed form."""
    if card.model.has_flow:
        return (
            f"log q(z|x) − log p(z), the mean over {_draws(card.metrics.samples)} of z from "
            f"q(z|x): {_COST}. With the flow q is no Gaussian: its KL has no closed form, and "
            "only the sum over dimensions is a KL, for the share of one depends on the order in "
            "which the flow takes them"
        )
    return f"KL(q(z|x) ‖ N(0, I)): {_COST}"


def _plus_minus(value: float, error: float, count: int) -> str:
    """A mean over ``count`` values with its standard error, which a single value does not have."""
    return f"{value:.2f} nats, of one image" if count == 1 else f"{value:.2f} ± {error:.2f} nats"


def likelihood_note(card: Card) -> str:
    """What a model's −ELBO counts, and what it cannot be compared with."""
    return (
        f"{LIKELIHOODS[card.model.likelihood].about} Compare the −ELBO with those of the same "
        "likelihood only: grey values read as probabilities, densities and probabilities of grey "
        "levels are counted in different units, though all are called nats."
    )


def further_figures(card: Card) -> list[Figure]:
    """All other figures of the card."""
    m = card.metrics
    found = [bound_figure(card.bound)] if card.bound else []
    found += [*_on_the_elbo(card), *_on_pictures(card)]
    if m.knn_accuracy is not None and m.knn_accuracy_pca is not None:
        found.append(
            (
                "k-NN accuracy",
                f"{100 * m.knn_accuracy:.1f} %",
                f"class of a test image by its {m.knn_neighbours} nearest training means; "
                f"the same after PCA: {100 * m.knn_accuracy_pca:.1f} %",
            )
        )
    if m.kl_parts is not None:
        found += kl_figures(m.kl_parts, card.data.test_images)
    if m.disentanglement is not None:
        found += disentanglement_figures(m.disentanglement)
    return found + map_figures(card)


def _on_the_elbo(card: Card) -> Iterator[Figure]:
    """Figures that explain the size of the −ELBO, and how far it is from the likelihood."""
    m = card.metrics
    if m.entropy_floor and m.excess is not None:  # pixels of black or white have no floor
        yield (
            "excess over the entropy floor",
            f"{m.excess:.2f} nats",
            f"−ELBO above {m.entropy_floor:.2f}, the reconstruction term of a perfect "
            "reconstruction: grey values read as probabilities are never free",
        )
    if (bits := card.bits_per_dimension) is not None:
        yield (
            "bits per dimension",
            f"{bits:.3f}",
            "−ELBO / (height · width · channels · log 2): what a lossless code of these images "
            "by this model would take for each value; as they are they take 8",
        )
    if m.importance:
        yield (
            "importance-sampled bound",
            f"{m.importance.bound:.2f} nats",
            f"−log 1/K Σ p(x|z)p(z)/q(z|x), K = {m.importance.samples} (Burda et al. "
            f"2016, eq. 8), on {m.importance.images:,} of the test images, whose −ELBO is "
            f"{m.importance.neg_elbo:.2f}",
        )
    if (gap := m.amortisation_gap) is not None:
        kind = "flow's posterior, in its shape," if card.model.has_flow else "Gaussian posterior"
        steps = 0 if card.model.adopted else card.model.recipe.refinement
        own = f", after {steps} steps of its own" if steps else ""
        yield (
            "amortisation gap",
            _plus_minus(gap.neg_elbo - gap.refined, gap.error, gap.images),
            f"what the encoder loses{own}: the −ELBO of {gap.images:,} test images, "
            f"{gap.neg_elbo:.2f}, less what it is if the {kind} of each is moved and stretched "
            f"along its axes to its best, {gap.refined:.2f}; the decoder stays as it is "
            "(Cremer et al. 2018). The refined value is not the model's −ELBO",
        )


def _on_pictures(card: Card) -> Iterator[Figure]:
    """Figures that say how similar the reconstructions are to the originals."""
    m = card.metrics
    if m.squared_error is not None:
        yield (
            "squared error per pixel",
            f"{m.squared_error:.4f}",
            f"of the reconstruction from z_mean, for values in [0, 1]; PCA with as many "
            f"dimensions: {m.squared_error_pca:.4f}",
        )
    if m.sharpness is not None:
        yield (
            "sharpness",
            f"{100 * m.sharpness:.1f} %",
            "share of the originals' fine detail that the reconstructions have: the energy "
            "of their Laplacians, the difference of each pixel from its four neighbours "
            "(Subbarao et al. 1993). 100 % is as sharp as the originals; blur lowers it",
        )


def bound_figure(bound: Bound) -> Figure:
    """The figure that compares models with different likelihoods, posteriors and priors."""
    return (
        "bound on −log p(x)",
        _plus_minus(bound.bound, bound.error, bound.images),
        f"importance-sampled with K = {bound.samples:,} on all {bound.images:,} test images; ± is "
        "the standard error of their mean (Burda et al. 2016, eq. 8)",
    )


def kl_figures(parts: KlPartsCard, count: int) -> list[Figure]:
    """The parts of the KL, over ``count`` test images."""
    rows = (
        (PARTS["information"], parts.information, parts.information_error,
         f"how much a latent tells about its image, at most log n = {math.log(count):.2f}"),
        (PARTS["total_correlation"], parts.total_correlation, parts.total_correlation_error,
         "how much the dimensions depend on each other"),
        (PARTS["dimension_wise"], parts.dimension_wise, parts.dimension_wise_error,
         "how far each dimension's distribution over all images is from the prior"),
    )  # fmt: skip
    return [
        (name, _plus_minus(value, error, parts.samples),
         f"{meaning}; a part of the KL (Chen et al. 2018, eq. 2), by {parts.samples:,} draws "
         "from the mixture of all test images' posteriors")
        for name, value, error, meaning in rows
    ]  # fmt: skip


def disentanglement_figures(found: DisentanglementCard) -> list[Figure]:
    """How well single dimensions represent single factors, overall and for each factor."""
    rows = [
        (FACTORS["mig"], f"{found.mig:.3f}",
         "how much more the dimension that tells most about a factor tells than the second one, as "
         "a share of the factor's entropy; the mean over the factors (Chen et al. 2018, eq. 6)"),
        (FACTORS["disentanglement"], f"{found.disentanglement:.3f}",
         "whether each dimension matters for one factor alone, by the importance of the dimensions "
         "in decision trees that predict the factors (Eastwood & Williams 2018)"),
        (FACTORS["completeness"], f"{found.completeness:.3f}",
         "whether one dimension alone tells about a factor, by the same trees"),
        ("informativeness (DCI)", f"{100 * found.informativeness:.1f} %",
         "how often those trees predict a factor correctly"),
        (FACTORS["sap"], f"{found.sap:.3f}",
         "how much better the best dimension predicts a factor than the second one, by thresholds, "
         "in balanced accuracy (Kumar et al. 2018)"),
    ]  # fmt: skip
    measured = f"; between 0 and 1, on {found.images:,} of the test images"
    rows = [(name, value, definition + measured) for name, value, definition in rows]
    for name, one in found.factors.items():
        value = f"MIG {one.mig:.3f}, SAP {one.sap:.3f}, completeness {one.completeness:.3f}"
        definition = f"{one.values} values, {100 * one.predicted:.1f} % of them predicted correctly"
        rows.append((f"factor: {name}", value, definition))
    return rows


def map_figures(card: Card) -> list[Figure]:
    """How well each kind of map preserves neighbours."""
    maps, measure = card.metrics.maps, "KL" if card.metrics.kl is not None else "variance"
    others = card.data.test_images - 1
    names = {
        "neighbourhoods": ("neighbourhood map", "the layout of the test means by t-SNE"),
        "principal": ("principal plane", "the first two principal components"),
        "dimensions": (
            "plane of two dimensions",
            f"the two latent dimensions of largest {measure}",
        ),
    }
    all_dimensions = maps["latents"].accuracy if maps else None
    rows = []
    for kind, (name, what) in names.items():
        if kind not in maps:
            continue
        found = maps[kind]
        neighbours = min(JUDGED_NEIGHBOURS, others)
        value = f"keeps {100 * found.kept:.1f} %"
        definition = f"share of a test image's {neighbours} nearest others kept by {what}"
        if neighbours == others:
            definition += ", which are all that there are"
        if found.accuracy is not None and all_dimensions is not None:
            value += f", {100 * found.accuracy:.1f} % correct"
            definition += (
                "; correct: how often the most frequent class of its neighbours there is its own "
                f"(in all dimensions: {100 * all_dimensions:.1f} %)"
            )
        rows.append((name, value, definition))
    return rows
