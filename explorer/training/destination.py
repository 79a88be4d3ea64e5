"""Where a run puts its result, and what is there already, so that no training is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from explorer.bundle import store
from explorer.bundle.bundle import Bundle, Reference
from explorer.bundle.card import BundleError
from explorer.training.checkpoints import count_epochs
from explorer.training.export import library_versions
from explorer.training.run import Run, TrainingError

Beginning = Literal["anew", "from the checkpoint", "not at all"]


@dataclass(frozen=True)
class Destination:
    """Where the bundle of a run, or its reference, and its checkpoints lie.

    Attributes:
        output: folder of the bundles.
        name: name of the bundle.
        figures_only: whether it is a reference.
    """

    output: Path
    name: str
    figures_only: bool = False

    @property
    def path(self) -> Path:
        """Folder of the bundle or reference."""
        folder = store.reference_path(self.output, self.name)
        return folder if self.figures_only else self.output / self.name

    @property
    def checkpoints(self) -> Path:
        """Folder of the run's checkpoints."""
        return self.output / ".checkpoints" / self.name


def how_to_begin(
    destination: Destination, run: Run, *, resume: bool, replace: bool, is_timed: bool
) -> Beginning:
    """Decide how a run begins: not at all if the same one is finished.

    Args:
        destination: where its result will lie.
        run: what to train.
        resume: continue from a checkpoint.
        replace: replace whatever else is there.
        is_timed: whether the run may end before its last epoch.

    Raises:
        BundleError: it would replace another model, or more epochs of the same one.
        TrainingError: the checkpoint is another run's.
    """
    path, same = destination.path, _load_same(destination, run, replace=replace)
    try:
        unfinished = count_epochs(destination.checkpoints, run)
    except TrainingError:
        if not replace:
            raise
        return "anew"
    beginning: Beginning = "from the checkpoint" if resume else "anew"
    done = 0 if same is None else len(same.history["neg_elbo"])
    is_whole = same is not None and done == same.card.model.recipe.epochs
    would_be_shorter = is_whole and is_timed and not replace
    if unfinished and not would_be_shorter:
        if not (resume or replace):
            raise BundleError(
                f"there is a checkpoint of {path.name} after epoch {unfinished}; "
                "--resume goes on from there, --replace starts anew"
            )
        return beginning
    if same is None:
        return beginning
    if is_whole and not unfinished and resume and same.card.training.versions == library_versions():
        return "not at all"
    if not is_whole and not replace:
        raise BundleError(
            f"{path} has {done} of {same.card.model.recipe.epochs} epochs and no checkpoint to go "
            "on from; give a new run another --name, or --replace it"
        )
    if would_be_shorter:
        raise BundleError(
            f"{path} has all of its epochs; give a shorter run another --name, or --replace it"
        )
    return beginning


def _load_same(destination: Destination, run: Run, *, replace: bool) -> Bundle | Reference | None:
    """The same run's result at a destination; None if there is none or it may be replaced."""
    if not destination.path.exists():
        return None
    try:
        found = (store.load_reference if destination.figures_only else store.load_bundle)(
            destination.path
        )
        if Run.of_card(found.card).to_json() == run.to_json():
            return found
        what = f"another model ({found.card.training.command})"
    except BundleError as error:
        what = f"no usable bundle ({error})"
    if replace:
        return None
    raise BundleError(
        f"{destination.path} holds {what}; give this run another --name, or overwrite that one "
        "with --replace"
    )
