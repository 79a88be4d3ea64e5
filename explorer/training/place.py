"""Where a run puts its result, and what is there already, so that no training is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer.bundle import store
from explorer.bundle.store import Bundle, BundleError, Reference
from explorer.training.checkpoints import count_epochs
from explorer.training.export import library_versions
from explorer.training.run import Run, TrainingError


@dataclass(frozen=True)
class Place:
    """Where the bundle of a run, or its reference, and its checkpoints lie.

    Attributes:
        output: folder of the bundles.
        name: of the bundle.
        figures_only: whether it is a reference.
    """

    output: Path
    name: str
    figures_only: bool = False

    @property
    def path(self) -> Path:
        """Folder of the bundle or reference."""
        if self.figures_only:
            return store.reference_path(self.output, self.name)
        return self.output / self.name

    @property
    def checkpoints(self) -> Path:
        """Folder of the run's checkpoints."""
        return self.output / ".checkpoints" / self.name

    def load(self) -> Bundle | Reference:
        """Load what is there; raises BundleError."""
        return (store.load_reference if self.figures_only else store.load_bundle)(self.path)

    def recover(self) -> None:
        """Bring back a bundle whose replacement was interrupted."""
        store.recover(self.path.parent)


@dataclass(frozen=True)
class Earlier:
    """What earlier parts of the same run left.

    Attributes:
        path: of the bundle or reference.
        found: what is there; None if nothing, or if it is to be replaced.
        unfinished: epochs in the checkpoint.
        can_resume: whether the checkpoint, if there is one, is this run's.
    """

    path: Path
    found: Bundle | Reference | None
    unfinished: int
    can_resume: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether all epochs are done, by the libraries that are installed."""
        if self.found is None or self.unfinished:
            return False
        card = self.found.card
        return (
            len(self.found.history["neg_elbo"]) == card.model.recipe.epochs
            and card.training.versions == library_versions()
        )


def look(place: Place, run: Run, *, replace: bool) -> Earlier:
    """See what earlier runs left at a place.

    Args:
        place: where the run's result will lie.
        run: the run.
        replace: whether it may take the place of whatever else is there.

    Raises:
        BundleError: another model is there, which is not to be replaced.
        TrainingError: another run's checkpoint is there, which is not to be replaced.
    """
    found = _find_same(place, run, replace=replace)
    try:
        return Earlier(place.path, found, count_epochs(place.checkpoints, run))
    except TrainingError:
        if not replace:
            raise
        return Earlier(place.path, found, 0, can_resume=False)


def refuse_to_lose(earlier: Earlier, *, resume: bool, is_timed: bool) -> None:
    """Raise if this run would replace a more complete one.

    Args:
        earlier: what is there.
        resume: whether to go on from the checkpoint.
        is_timed: whether the run may end before its last epoch.

    Raises:
        BundleError: it would; the message says how to go on.
    """
    path = earlier.path
    if earlier.unfinished and not resume:
        raise BundleError(
            f"there is a checkpoint of {path.name} after epoch {earlier.unfinished}; "
            "--resume goes on from there, --replace starts anew"
        )
    if earlier.found is None or earlier.unfinished:
        return
    done, epochs = len(earlier.found.history["neg_elbo"]), earlier.found.card.model.recipe.epochs
    if done < epochs:
        raise BundleError(
            f"{path} has {done} of {epochs} epochs and no checkpoint to go on from; "
            "give a new run another --name, or --replace it"
        )
    if is_timed:
        raise BundleError(
            f"{path} has all of its epochs; give a shorter run another --name, or --replace it"
        )


def _find_same(place: Place, run: Run, *, replace: bool) -> Bundle | Reference | None:
    """What is at a place, if the run would give the same."""
    if not place.path.exists():
        return None
    try:
        found = place.load()
        if Run.of_card(found.card).to_json() == run.to_json():
            return found
        what = f"another model ({found.card.training.command})"
    except BundleError as error:
        what = f"no usable bundle ({error})"
    if replace:
        return None
    raise BundleError(
        f"{place.path} holds {what}; give this one another --name, or --replace that one"
    )
