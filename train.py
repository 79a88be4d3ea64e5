"""Train variational autoencoders on images and write them as bundles for the app.

    python train.py                                  train what is shipped
    python train.py fashion_mnist --latent-dim 2     train one model
    python train.py path/to/images --latent-dim 8    train on your own images

A data set is a name (fashion_mnist, mnist, cifar10), a folder or zip with one
subfolder per class, a folder of IDX files, or an .npz laid out like Keras's
mnist.npz. Interrupted? Give the same command with --resume.
"""

from __future__ import annotations

import argparse
import io
import math
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from explorer.cli.arguments import SEEDS, number
from explorer.cli.terminal import quiet_stderr

try:
    with quiet_stderr():  # TensorFlow's start
        import tensorflow as tf

        from explorer.bundle import store as bundle
        from explorer.bundle.figures import EvaluationError, evaluate
        from explorer.data.load import Dataset, DatasetError, dataset_fingerprint, load_dataset
        from explorer.recipes.find import RECIPES, find_recipe
        from explorer.recipes.recipe import RecipeError, override
        from explorer.training import devices, export
        from explorer.training import loop as training
except KeyboardInterrupt:  # Ctrl-C in the seconds that TensorFlow takes: nothing has begun
    sys.exit(130)

PROBLEMS = (
    DatasetError, RecipeError, devices.DistributionError, training.TrainingError,
    EvaluationError, bundle.BundleError,
)  # fmt: skip
"""What a person can put right: each comes with a sentence for them."""


@dataclass(frozen=True)
class Settings:
    """What to train; None means 'as the recipe says'."""

    data: str
    latent_dim: int = 2
    recipe: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    beta: float | None = None
    seed: int = 0
    limit: int | None = None
    minutes: float | None = None
    image_size: int | None = None
    grey: bool = False
    name: str | None = None

    def command(self) -> str:
        """The command that repeats this run; own images stand under their folder's name."""
        parts = ["python", "train.py", Path(self.data).name]
        for field, value in vars(self).items():
            if field != "data" and value != getattr(Settings, field):
                flag = f"--{field.replace('_', '-')}"
                text = f"{value:.9g}" if isinstance(value, float) else str(value)
                parts += [flag] if value is True else [flag, text]
        return _utf8(shlex.join(parts))


SHIPPED = (
    Settings("fashion_mnist", 2),
    Settings("fashion_mnist", 8),
    Settings("mnist", 2),
    Settings("mnist", 8, "residual-wide-digits"),
    Settings("mnist", 8, "residual-flow-digits", name="mnist-8d-flow"),
    Settings("mnist", 20, "residual-flow-digits"),
    Settings("cifar10", 15, grey=True),
    Settings("cifar10", 80, "conv-flow-colour"),
)


def main() -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 130 when interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know '−'
    warnings.formatwarning = lambda message, *_: f"train.py: {message}\n"
    arguments = vars(parse_arguments())
    settings = {field.name: arguments.pop(field.name) for field in fields(Settings)}
    runs = SHIPPED if settings["data"] is None else (Settings(**settings),)
    try:
        strategy = devices.find_strategy()
        for run in runs:
            train_bundle(run, strategy=strategy, **arguments)
    except PROBLEMS as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    except (tf.errors.ResourceExhaustedError, MemoryError):
        print(
            "train.py: the memory was not enough; give a smaller --batch-size, --limit the "
            "images, or choose a smaller recipe",
            file=sys.stderr,
        )
        return 1
    except tf.errors.OpError as error:
        print(f"train.py: TensorFlow cannot run this: {training.reason(error)}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"train.py: cannot read or write a file: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ntrain.py: interrupted; the same command with --resume goes on", file=sys.stderr)
        return 130
    return 0


def train_bundle(
    settings: Settings,
    *,
    output: Path,
    data_dir: Path | None = None,
    resume: bool = False,
    replace: bool = False,
    tensorboard: Path | None = None,
    figures_only: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> None:
    """Train one model, evaluate it and put its bundle into ``output``.

    In a cluster every worker trains; the chief alone does the rest.

    Args:
        settings: what to train.
        output: folder of the bundles.
        data_dir: where data sets are looked for first.
        resume: go on after the last finished epoch.
        replace: put it in the place of whatever else has its name.
        tensorboard: folder for TensorBoard's logs.
        figures_only: keep card and history, for comparisons, but not the model.
        strategy: where to compute; None for one device.

    Raises:
        One of ``PROBLEMS``, with a sentence for a person.
    """
    strategy = strategy or tf.distribute.get_strategy()
    name, recipe_name, dataset, run = prepare(settings, data_dir)
    path = bundle.reference_path(output, name) if figures_only else output / name
    checkpoints = output / ".checkpoints" / name
    is_chief = devices.is_chief(strategy)
    if is_chief:
        bundle.recover(path.parent)
    print(
        f"{name}: {len(dataset.train.images):,} training and {len(dataset.test.images):,} test "
        f"images of {'×'.join(map(str, dataset.image_shape))} ({dataset.origin}), "
        f"recipe {recipe_name}",
        flush=True,
    )
    published = run.recipe.published
    if published and (dataset.name, run.latent_dim) != (published.data, published.latent_dim):
        print(
            f"{recipe_name} repeats a system for {published.data} in {published.latent_dim}-D; "
            "this run will not stand beside its figure",
            flush=True,
        )
    load = bundle.load_reference if figures_only else bundle.load_bundle
    found = find_same(path, run, load, replace=replace)
    try:
        unfinished = training.count_epochs(checkpoints, run)
    except training.TrainingError:
        if not replace:
            raise
        unfinished, resume = 0, False
    if found and resume and not unfinished and is_up_to_date(found):
        print(f"{name} is there already, trained with the same settings", flush=True)
        return
    if not replace:
        refuse_to_lose(path, found, unfinished, resume=resume, minutes=settings.minutes)

    export.check_exportable(run.recipe, run.image_shape, run.latent_dim)
    minutes = math.inf if settings.minutes is None else settings.minutes
    trained = training.train(
        run,
        dataset.train.images,
        checkpoints=checkpoints,
        resume=resume,
        strategy=strategy,
        tensorboard=tensorboard / name if tensorboard else None,
        stop=lambda _, seconds: seconds >= 60 * minutes,
    )
    if not is_chief:
        return

    print("computing the figures …", flush=True)
    training.round_to_half(trained.model)
    metrics, latents = evaluate(export.keras_codec(trained.model), dataset, run.recipe)
    card = bundle.Card(
        schema_version=2,
        name=name,
        data=describe_data(dataset, run.train_sha256, settings.limit),
        model=bundle.ModelCard(
            latent_dim=run.latent_dim,
            recipe_name=recipe_name,
            recipe=run.recipe,
            parameters=export.count_weights(trained.model),
        ),
        training=bundle.TrainingCard(
            command=settings.command(),
            seed=run.seed,
            seconds=round(trained.seconds, 1),
            versions=export.library_versions(),
        ),
        metrics=metrics,
        files={},
    )
    if figures_only:
        bundle.save_reference(card, trained.history, output)
    else:
        with bundle.unfinished(path) as folder:
            export.save_model(trained.model, folder)
            bundle.save_latents(latents, folder / "latents.npz")
            bundle.save_history(trained.history, folder / "history.json")
            files = bundle.file_cards(folder)
            bundle.save_card(card.model_copy(update={"files": files}), folder / "card.json")
            if dataset.may_be_kept:
                bundle.save_images(dataset.test.images, bundle.images_path(output, card.data))
    epochs, rest = len(trained.history["neg_elbo"]), ""
    if epochs == run.recipe.epochs:
        shutil.rmtree(checkpoints)
    else:
        rest = f"; {epochs} of {run.recipe.epochs} epochs: --resume with more --minutes goes on"
    print(
        f"wrote {path}: test −ELBO {metrics.neg_elbo:.2f} nats per image "
        f"(reconstruction {metrics.reconstruction:.2f}, KL {metrics.kl:.2f}), "
        f"trained in {trained.seconds / 60:.1f} minutes{rest}",
        flush=True,
    )


def prepare(settings: Settings, data_dir: Path | None) -> tuple[str, str, Dataset, training.Run]:
    """The names of bundle and recipe, the images, and what defines the run besides."""
    recipe_name, recipe = find_recipe(settings.recipe, settings.latent_dim)
    recipe = override(
        recipe, epochs=settings.epochs, batch_size=settings.batch_size, beta=settings.beta
    )
    dataset = load_dataset(
        settings.data, data_dir=data_dir, image_size=settings.image_size, grey=settings.grey
    )
    if settings.limit is not None:
        dataset = dataset.limited(settings.limit)
    if settings.limit or settings.image_size:  # other images than a published system's
        recipe = recipe.model_copy(update={"published": None})
    name = f"{dataset.name}-{settings.latent_dim}d" if settings.name is None else settings.name
    bundle.check_name(name)
    run = training.Run(
        recipe=recipe,
        image_shape=dataset.image_shape,
        latent_dim=settings.latent_dim,
        seed=settings.seed,
        train_sha256=dataset_fingerprint(dataset.train),
    )
    return name, _utf8(recipe_name), dataset, run


def find_same(
    path: Path,
    run: training.Run,
    load: Callable[[Path], bundle.Bundle | bundle.Reference],
    *,
    replace: bool,
) -> bundle.Bundle | bundle.Reference | None:
    """What ``load`` finds at ``path``, if the run would give the same.

    Raises:
        BundleError: something else is there, which is not to be replaced.
    """
    if not path.exists():
        return None
    try:
        found = load(path)
        if run_of(found.card).to_json() == run.to_json():
            return found
        what = f"another model ({found.card.training.command})"
    except bundle.BundleError as error:
        what = f"no usable bundle ({error})"
    if replace:
        return None
    raise bundle.BundleError(
        f"{path} holds {what}; give this one another --name, or --replace that one"
    )


def refuse_to_lose(
    path: Path,
    found: bundle.Bundle | bundle.Reference | None,
    unfinished: int,
    *,
    resume: bool,
    minutes: float | None,
) -> None:
    """Refuse to begin what would end with fewer epochs of the same run than there are.

    Args:
        path: of the bundle.
        found: what is there.
        unfinished: epochs in the checkpoint.
        resume: whether to go on from the checkpoint.
        minutes: after which the run may end early.

    Raises:
        BundleError: it would.
    """
    if unfinished and not resume:
        raise bundle.BundleError(
            f"there is a checkpoint of {path.name} after epoch {unfinished}; "
            "--resume goes on from there, --replace starts anew"
        )
    if found is None or unfinished:
        return
    done, epochs = len(found.history["neg_elbo"]), found.card.model.recipe.epochs
    if done < epochs:
        raise bundle.BundleError(
            f"{path} has {done} of {epochs} epochs and no checkpoint to go on from; "
            "give a new run another --name, or --replace it"
        )
    if minutes is not None:
        raise bundle.BundleError(
            f"{path} has all of its epochs; give a shorter run another --name, or --replace it"
        )


def is_up_to_date(found: bundle.Bundle | bundle.Reference) -> bool:
    """Whether all epochs are done, by the libraries that are installed."""
    card = found.card
    return (
        len(found.history["neg_elbo"]) == card.model.recipe.epochs
        and card.training.versions == export.library_versions()
    )


def run_of(card: bundle.Card) -> training.Run:
    """The run that a card tells of."""
    return training.Run(
        recipe=card.model.recipe,
        image_shape=card.data.image_shape,
        latent_dim=card.model.latent_dim,
        seed=card.training.seed,
        train_sha256=card.data.train_sha256,
    )


def describe_data(dataset: Dataset, train_sha256: str, limit: int | None) -> bundle.DataCard:
    """The part of the card that tells which images the model learned."""
    return bundle.DataCard(
        name=dataset.name,
        title=_utf8(dataset.title),
        classes=tuple(_utf8(name) for name in dataset.classes),
        image_shape=dataset.image_shape,
        background=dataset.background,
        licence=dataset.licence,
        origin=dataset.origin,
        limit=limit,
        train_images=len(dataset.train.images),
        test_images=len(dataset.test.images),
        train_sha256=train_sha256,
        test_sha256=dataset_fingerprint(dataset.test),
    )


def _utf8(text: str) -> str:
    """The text with '?' for bytes of a file's name that are no UTF-8: JSON cannot hold them."""
    return text.encode(errors="replace").decode()


def parse_arguments() -> argparse.Namespace:
    """Read the command line; a wrong flag ends with one sentence and status 2."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, count = parser.add_argument, number(int, 1)
    add("data", nargs="?", metavar="DATASET", help="name or path; left out: all shipped")
    add("--latent-dim", type=count, default=2, metavar="N", help="dimensions (default 2)")
    add("--recipe", metavar="R", help=f"{', '.join(RECIPES)}, or a .json file")
    add("--epochs", type=count, metavar="E", help="instead of the recipe's")
    add("--batch-size", type=count, metavar="B", help="instead of the recipe's")
    add("--beta", type=number(float, 0), metavar="B", help="weight of the KL term, likewise")
    add("--seed", type=number(int, *SEEDS), default=0, metavar="S", help="of chance (default 0)")
    add("--limit", type=count, metavar="N", help="use only N images of each split")
    add("--minutes", type=number(float, 0), metavar="M", help="start no further epoch after M")
    add("--image-size", type=count, metavar="PIXELS", help="side of your own images")
    add("--grey", action="store_true", help="turn colour images grey")
    add("--name", help="of the bundle (default: data set and dimension)")
    add("--output", type=Path, default=Path("pretrained"), metavar="DIR", help="of the bundles")
    add("--data-dir", type=Path, metavar="DIR", help="where data sets are looked for first")
    add("--resume", action="store_true", help="go on after the last finished epoch")
    add("--replace", action="store_true", help="whatever else has that name")
    add("--tensorboard", type=Path, metavar="DIR", help="write TensorBoard's logs there")
    add("--figures-only", action="store_true", help="keep card and history, for comparisons")
    arguments = parser.parse_args()
    if arguments.data is None:
        for field, value in vars(arguments).items():
            if hasattr(Settings, field) and value != getattr(Settings, field):
                parser.error(f"--{field.replace('_', '-')} needs a DATASET")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
