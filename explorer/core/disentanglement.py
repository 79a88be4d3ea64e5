"""Disentanglement: how far single latent dimensions stand for single generative factors.

A factor is something known about each image that takes few values, such as a shape or a position.
The three measures are those of Locatello et al. 2019, "Challenging Common Assumptions in the
Unsupervised Learning of Disentangled Representations", appendix B, on posterior means; unlike
there, SAP and DCI predict by a decision tree and a random forest:

- MIG, mutual information gap: Chen et al. 2018, "Isolating Sources of Disentanglement in VAEs",
  equation 6.
- DCI, disentanglement, completeness and informativeness: Eastwood & Williams 2018, "A Framework
  for the Quantitative Evaluation of Disentangled Representations", section 2.
- SAP, separated attribute predictability: Kumar et al. 2018, "Variational Inference of
  Disentangled Latent Concepts from Unlabeled Observations", section 3.

All lie between 0 and 1, and 1 is best. Factors ``(n, k)`` are integers from 0 on, with at
least two different ones in each column; latents are ``(n, latent_dim)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from explorer.core.hidden_imports import without_pandas

BINS = 20
"""Bins of equal width into which a latent dimension is divided for its mutual information."""
TREES = 10
MIN_LEAF = 5
"""Images in a leaf of the trees that predict a factor: fewer would be noise."""
MOST_VALUES = 50
"""Largest number of values of a factor."""
FEWEST_IMAGES = 10
"""Smallest average number of images for each value of a factor."""


@dataclass(frozen=True)
class Disentanglement:
    """The measures; those of single factors are ``(k,)``.

    Attributes:
        gap: MIG of each factor.
        separation: SAP of each factor.
        disentanglement: DCI disentanglement, averaged over all latent dimensions by weight.
        completeness: DCI completeness of each factor.
        informativeness: DCI informativeness of each factor: the share of held-out images whose
            value is predicted correctly.
    """

    gap: np.ndarray
    separation: np.ndarray
    disentanglement: float
    completeness: np.ndarray
    informativeness: np.ndarray


def find_factors(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the columns that are factors: known for every image, with few values but several.

    Args:
        columns: ``(n,)`` each, NaN where unknown.

    Returns:
        For each factor, the rank of every image's value among the factor's values, ``(n,)``.
    """
    found = {}
    for name, column in columns.items():
        values, indices = np.unique(column, return_inverse=True)
        most = min(MOST_VALUES, len(column) // FEWEST_IMAGES)
        if 2 <= len(values) <= most and np.isfinite(values).all():
            found[name] = indices
    return found


def disentanglement(z: np.ndarray, factors: np.ndarray) -> Disentanglement:
    """Compute all measures, after shuffling the images with a fixed seed.

    Predictors learn from every other image and are judged on the rest; unshuffled, in the order
    in which a set was rendered, one half may lack half of a factor's values.
    """
    order = np.random.default_rng(0).permutation(len(z))
    z, factors = z[order], factors[order]
    importance, accuracy = predict_factors(z, factors)
    return Disentanglement(
        mutual_information_gap(z, factors),
        separated_predictability(z, factors),
        disentanglement_of(importance),
        completeness_of(importance),
        accuracy,
    )


def mutual_information_gap(z: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """MIG of each factor, ``(k,)``.

    The mutual information of a factor with the most informative dimension, minus that with the next
    best one, as a share of the factor's entropy.
    """
    with without_pandas():
        from sklearn.metrics import mutual_info_score

    bins = [np.digitize(one, np.histogram(one, BINS)[1][1:-1]) for one in z.T]
    information = _score_pairs(mutual_info_score, np.stack(bins, axis=1), factors)
    entropies = [mutual_info_score(factor, factor) for factor in factors.T]
    return np.asarray(_gap_of_best(information) / entropies)


def separated_predictability(z: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """SAP of each factor, ``(k,)``.

    The balanced accuracy with which the best dimension alone predicts a factor, minus that of the
    next best one. Both predict by thresholds, with at most as many intervals as there are values.
    """
    with without_pandas():
        from sklearn.metrics import recall_score
        from sklearn.tree import DecisionTreeClassifier

    def predictability(one: np.ndarray, factor: np.ndarray) -> float:
        leaves = int(factor.max()) + 1
        tree = DecisionTreeClassifier(
            max_leaf_nodes=leaves, class_weight="balanced", random_state=0
        ).fit(one[::2, np.newaxis], factor[::2])
        predicted = tree.predict(one[1::2, np.newaxis])
        return float(
            recall_score(
                factor[1::2], predicted,
                labels=np.unique(factor[1::2]), average="macro", zero_division=0,
            )
        )  # fmt: skip

    return _gap_of_best(_score_pairs(predictability, z, factors))


def predict_factors(z: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predict each factor from all dimensions, by a forest of decision trees.

    Returns:
        How important each dimension is for each factor, ``(latent_dim, k)``, columns with the
        sum 1 (0 if the forest uses none); and the share of held-out images whose value is
        predicted correctly, ``(k,)``.
    """
    with without_pandas():
        from sklearn.ensemble import RandomForestClassifier

    importance, accuracy = [], []
    for factor in factors.T:
        forest = RandomForestClassifier(
            TREES, max_features=None, min_samples_leaf=MIN_LEAF, random_state=0
        ).fit(z[::2], factor[::2])
        importance.append(forest.feature_importances_)
        accuracy.append(forest.score(z[1::2], factor[1::2]))
    return np.stack(importance, axis=1), np.array(accuracy)


def disentanglement_of(importance: np.ndarray) -> float:
    """DCI's disentanglement: whether each dimension matters for one factor alone.

    Args:
        importance: ``(latent_dim, k)``. A dimension's weight is the sum of its row.
    """
    weights = importance.sum(axis=1)
    if not weights.any():
        return 0.0
    return float(np.average(_concentration(importance), weights=weights))


def completeness_of(importance: np.ndarray) -> np.ndarray:
    """DCI's completeness of each factor, ``(k,)``: whether it depends on one dimension alone."""
    return _concentration(importance.T)


def _concentration(importance: np.ndarray) -> np.ndarray:
    """1 − the entropy of each row as a share of the maximum; 0 for a row of zeros."""
    count = importance.shape[1]
    if count == 1:
        return np.ones(len(importance))
    totals, even = importance.sum(axis=1, keepdims=True), np.full_like(importance, 1 / count)
    shares = np.divide(importance, totals, out=even, where=totals > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(1 + (shares * logs).sum(axis=1) / np.log(count))


def _score_pairs(
    score: Callable[[np.ndarray, np.ndarray], float], z: np.ndarray, factors: np.ndarray
) -> np.ndarray:
    """``score`` of each dimension and each factor, ``(latent_dim, k)``."""
    return np.array([[score(one, factor) for factor in factors.T] for one in z.T])


def _gap_of_best(scores: np.ndarray) -> np.ndarray:
    """Lead of the best dimension over the next one, or over 0 if it is the only one, ``(k,)``."""
    ordered = np.sort(np.concatenate([np.zeros_like(scores[:1]), scores]), axis=0)
    return np.asarray(ordered[-1] - ordered[-2])
