"""Write the result of a run as a bundle or as a reference."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from explorer.bundle import store
from explorer.bundle.atomic import unfinished
from explorer.bundle.card import Card, Metrics, ModelCard, TrainingCard, storable
from explorer.bundle.graph import count_weights
from explorer.bundle.history import HISTORY, save_history
from explorer.bundle.images import describe_data, images_path, save_images
from explorer.bundle.latents import Latents, save_latents
from explorer.data.dataset import Dataset
from explorer.training import export
from explorer.training.destination import Destination
from explorer.training.loop import Trained
from explorer.training.run import Plan


def make_card(plan: Plan, trained: Trained, graphs: Mapping[str, bytes], metrics: Metrics) -> Card:
    """Describe a trained model: where it comes from and how good it is."""
    run, dataset = plan.run, plan.dataset
    return Card(
        name=plan.name,
        data=describe_data(dataset, train_sha256=run.train_sha256, limit=plan.limit),
        model=ModelCard(
            latent_dim=run.latent_dim,
            recipe_name=storable(plan.recipe_name),
            recipe=run.recipe,
            parameters=count_weights(*graphs.values()),
        ),
        training=TrainingCard(
            command=storable(plan.command),
            seed=run.seed,
            seconds=round(trained.seconds, 1),
            versions=export.library_versions(),
        ),
        metrics=metrics,
        files={},
    )


def write(
    destination: Destination,
    card: Card,
    trained: Trained,
    graphs: Mapping[str, bytes],
    latents: Latents,
    dataset: Dataset,
    *,
    keras: bool,
) -> None:
    """Write a bundle or a reference, completely or not at all.

    Args:
        destination: where to write it.
        card: card of the model.
        trained: model and history.
        graphs: the model as ONNX (``export.export_graphs``).
        latents: latents of the test images.
        dataset: the data set, whose test images are kept beside the bundle if their licence
            allows it.
        keras: also keep the model as Keras saves it.
    """
    if destination.figures_only:
        store.save_reference(card, trained.history, destination.output)
    else:
        with unfinished(destination.path) as folder:
            for name, graph in graphs.items():
                (folder / name).write_bytes(graph)
            if keras:
                export.save_keras(trained.model, folder / "model.keras")
            save_latents(latents, folder / "latents.npz")
            save_history(trained.history, folder / HISTORY)
            store.save_card(card, folder, (*store.FILES, "model.keras") if keras else store.FILES)
            if dataset.may_be_kept:
                save_images(dataset.test.images, images_path(destination.output, card.data))
    if is_whole(card, trained):
        shutil.rmtree(destination.checkpoints)


def is_whole(card: Card, trained: Trained) -> bool:
    """Whether all epochs of the recipe are done."""
    return len(trained.history["neg_elbo"]) == card.model.recipe.epochs


def summarise(destination: Destination, card: Card, trained: Trained) -> str:
    """Say what was written, and how good it is, in one line."""
    epochs, metrics = len(trained.history["neg_elbo"]), card.metrics
    rest = f"; {epochs} of {card.model.recipe.epochs} epochs: --resume with more --minutes goes on"
    bits = card.bits_per_dimension
    return (
        f"wrote {destination.path}: test −ELBO {metrics.neg_elbo:.2f} nats per image "
        f"{'' if bits is None else f'= {bits:.3f} bits per dimension '}"
        f"(reconstruction {metrics.reconstruction:.2f}, KL {metrics.kl:.2f}), "
        f"trained in {trained.seconds / 60:.1f} minutes{'' if is_whole(card, trained) else rest}"
    )
