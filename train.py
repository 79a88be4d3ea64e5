"""Train variational autoencoders on images and write them as bundles for the app.

    python train.py                                  train every model that ships
    python train.py fashion_mnist --latent-dim 2     train one model
    python train.py path/to/images --latent-dim 8    train on your own images

A data set is a name (fashion_mnist, mnist, cifar10) or a path: a folder or archive
of image files with one subfolder per class, or arrays and tables of images (.npz, .npy,
.h5, IDX, CSV, Parquet). 'python -m explorer data PATH' shows how it is read. 'shipped' stands
for every model that ships. If a run was interrupted, repeat the command with --resume.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.cli.terminal import exit_with, loading_tensorflow, share_of
from explorer.cli.train import Settings, parse_arguments, problems_as_sentences

if TYPE_CHECKING:
    import tensorflow as tf


def main() -> int:
    """Run the command line; the exit status is 0, 1 for a failure, 130 when interrupted."""
    runs, options = parse_arguments(__doc__)
    with problems_as_sentences():
        from explorer.cli.plan import plan_recipe
        from explorer.data.load import find_source

        for settings in runs:  # report mistakes before TensorFlow starts
            plan_recipe(settings)
            find_source(settings.data, settings.reading)
        with loading_tensorflow():
            from explorer.training.devices import find_strategy

        strategy = find_strategy()
        for settings in runs:
            train_bundle(settings, strategy=strategy, **options)
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
    keras: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> None:
    """Train one model, evaluate it and put its bundle into ``output``.

    In a cluster every worker trains; the chief alone does the rest.

    Args:
        settings: what to train.
        output: folder of the bundles.
        data_dir: folder that is searched first for data sets.
        resume: continue after the last finished epoch.
        replace: replace anything else that has its name.
        tensorboard: folder for TensorBoard's logs.
        figures_only: keep card and history, for comparisons, but not the model.
        keras: also keep the model as Keras saves it.
        strategy: where to compute; None for one device.

    Raises:
        ExplorerError: the message is a sentence for the user.
    """
    # These import TensorFlow, which takes seconds.
    from explorer.bundle.atomic import recover
    from explorer.bundle.codec import onnx_codec
    from explorer.bundle.figures import evaluate
    from explorer.cli.plan import plan_run
    from explorer.training import devices, export, loop, result
    from explorer.training.destination import Destination, how_to_begin
    from explorer.training.lock import locked

    plan = plan_run(settings, data_dir)
    run, where = plan.run, Destination(output, plan.name, figures_only=figures_only)
    is_chief = devices.is_chief(strategy)
    with locked(where) if is_chief else contextlib.nullcontext():
        if is_chief:
            recover(where.path)
        print(plan.describe(), flush=True)
        beginning = how_to_begin(
            where, run, resume=resume, replace=replace, is_timed=plan.minutes is not None
        )
        if beginning == "not at all":
            print(f"{plan.name} already exists, trained with the same settings", flush=True)
            return

        export.check_exportable(run.recipe, run.image_shape, run.latent_dim)
        trained = loop.train(
            run,
            plan.dataset.train.images,
            drawn_from=plan.dataset.drawn_from,
            checkpoints=where.checkpoints,
            resume=beginning == "from the checkpoint",
            strategy=strategy,
            tensorboard=tensorboard / plan.name if tensorboard else None,
            stop=plan.is_over,
        )
        if not is_chief:
            return

        print("computing the figures …", flush=True)
        export.round_to_half(trained.model)
        graphs = export.export_graphs(trained.model)
        codec = onnx_codec(
            graphs["encoder.onnx"], graphs["decoder.onnx"], run.recipe.likelihood,
            has_flow=run.recipe.has_flow,
        )  # fmt: skip
        metrics, latents = evaluate(
            codec, plan.dataset,
            decoding=share_of("decoding"), progress=share_of("laying out the map"),
        )  # fmt: skip
        card = result.make_card(plan, trained, graphs, metrics)
        result.write(where, card, trained, graphs, latents, plan.dataset, keras=keras)
        print(result.summarise(where, card, trained), flush=True)


if __name__ == "__main__":
    exit_with(main)
