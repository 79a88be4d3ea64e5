"""What defines a training run: the same run gives the same model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.bundle.store import Card
from explorer.errors import ExplorerError
from explorer.recipes.recipe import Recipe


class TrainingError(ExplorerError):
    """Training cannot start or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """What defines a training run besides the images.

    Attributes:
        recipe: architecture, likelihood, optimiser and schedule.
        image_shape: ``(height, width, channels)``.
        latent_dim: dimensions of the latent space.
        seed: of initial weights, order of the images and noise.
        train_sha256: of the training images, so that a checkpoint is never
            resumed on others.
    """

    recipe: Recipe
    image_shape: tuple[int, ...]
    latent_dim: int
    seed: int
    train_sha256: str

    @classmethod
    def of_card(cls, card: Card) -> Run:
        """The run that a card tells of."""
        return cls(
            recipe=card.model.recipe,
            image_shape=card.data.image_shape,
            latent_dim=card.model.latent_dim,
            seed=card.training.seed,
            train_sha256=card.data.train_sha256,
        )

    def to_json(self) -> dict[str, Any]:
        """The fields that decide the result, as JSON values: equal for equal runs."""
        return {
            "recipe": self.recipe.settings(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "seed": self.seed,
            "train_sha256": self.train_sha256,
        }
