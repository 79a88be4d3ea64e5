"""Train variational autoencoders on images and explore their latent space."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.adoption.functions import adopt
    from explorer.bundle.store import load

__all__ = ["adopt", "load"]


def __getattr__(name: str) -> Any:
    """``adopt`` and ``load``, imported when they are first asked for."""
    if name == "adopt":
        from explorer.adoption.functions import adopt

        return adopt
    if name == "load":
        from explorer.bundle.store import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
