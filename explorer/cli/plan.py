"""Plan what ``train.py`` will do: its settings with the recipe and the images that they name."""

from __future__ import annotations

from pathlib import Path

from explorer.bundle.latents import check_count
from explorer.bundle.store import check_name
from explorer.cli.train import Settings
from explorer.data.dataset import dataset_fingerprint
from explorer.data.load import load_dataset
from explorer.recipes.find import find_recipe
from explorer.recipes.recipe import Recipe, override
from explorer.training.run import Plan, Run


def plan_recipe(settings: Settings) -> tuple[str, Recipe]:
    """The name of the recipe, and the recipe with the settings' changes; checks the bundle's name.

    Raises:
        ExplorerError: if there is no such recipe, or the name is not valid for a bundle.
    """
    if settings.name is not None:
        check_name(settings.name)
    name, recipe = find_recipe(settings.recipe, settings.latent_dim)
    return name, override(
        recipe,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        beta=settings.beta,
        likelihood=settings.likelihood,
        refinement=settings.refinement,
    )


def plan_run(settings: Settings, data_dir: Path | None) -> Plan:
    """Find the recipe and the images that the settings name.

    Raises:
        ExplorerError: if there is no such recipe or data set, the name is not valid for a
            bundle, or there are more test images than a bundle can hold.
    """
    recipe_name, recipe = plan_recipe(settings)
    dataset = load_dataset(settings.data, settings.reading, data_dir=data_dir)
    if settings.limit is not None:
        dataset = dataset.limited(settings.limit)
    if settings.limit or settings.reading.image_size:  # not the images of a published system
        recipe = recipe.model_copy(update={"published": None})
    name = settings.name or f"{dataset.name}-{settings.latent_dim}d"
    check_name(name)
    run = Run(
        recipe=recipe,
        image_shape=dataset.image_shape,
        latent_dim=settings.latent_dim,
        seed=settings.seed,
        train_sha256=dataset_fingerprint(dataset.train),
        binarise=dataset.reading.binarise,
    )
    check_count(len(dataset.test.images), settings.latent_dim, dataset.title)
    return Plan(
        name=name,
        command=settings.command(),
        recipe_name=recipe_name,
        run=run,
        dataset=dataset,
        limit=settings.limit,
        minutes=settings.minutes,
    )
