"""What defines a training run: the same run gives the same model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.bundle.card import Card
from explorer.bundle.history import History
from explorer.data.dataset import Dataset
from explorer.data.reading import Binarisation
from explorer.data.summary import three_lines
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
        seed: seed for initial weights, order of the images and noise.
        train_sha256: SHA-256 of the training images, so that a checkpoint is never
            resumed on others.
        binarise: how the images were made black and white, if they were.
    """

    recipe: Recipe
    image_shape: tuple[int, ...]
    latent_dim: int
    seed: int
    train_sha256: str
    binarise: Binarisation | None = None

    @classmethod
    def of_card(cls, card: Card) -> Run:
        """The run that a card describes."""
        return cls(
            recipe=card.model.recipe,
            image_shape=card.data.image_shape,
            latent_dim=card.model.latent_dim,
            seed=card.training.seed,
            train_sha256=card.data.train_sha256,
            binarise=card.data.reading.binarise,
        )

    def to_json(self) -> dict[str, Any]:
        """The fields that determine the result, as JSON values: equal for equal runs."""
        values = {
            "recipe": self.recipe.settings(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "seed": self.seed,
            "train_sha256": self.train_sha256,
        }
        return values | ({"binarise": self.binarise} if self.binarise else {})


@dataclass(frozen=True, eq=False)
class Plan:
    """A run with its images, and what its card says about them.

    Attributes:
        name: name of the bundle.
        command: command that repeats the run.
        recipe_name: where the recipe came from.
        run: what defines the result.
        dataset: the images.
        limit: how many images of each split are used; None for all.
        minutes: minutes after which no further epoch is started; None for no limit.
    """

    name: str
    command: str
    recipe_name: str
    run: Run
    dataset: Dataset
    limit: int | None = None
    minutes: float | None = None

    def is_over(self, history: History, seconds: float) -> bool:
        """Whether to end before the last epoch."""
        return self.minutes is not None and seconds >= 60 * self.minutes

    def describe(self) -> str:
        """Say what will be trained on what: three lines on the images, one or two on the model."""
        data, published = self.dataset, self.run.recipe.published
        text = (
            f"{three_lines(data)}\n"
            f"{self.name}: {self.run.latent_dim} latent dimensions, recipe {self.recipe_name}"
        )
        if published and (data.name, self.run.latent_dim) != (published.data, published.latent_dim):
            text += (
                f"\n{self.recipe_name} repeats a system for {published.data} in "
                f"{published.latent_dim}-D; this run is not comparable with its figure"
            )
        return text
