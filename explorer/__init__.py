"""Train variational autoencoders on images and explore their latent space."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.adoption.functions import adopt

__all__ = ["adopt"]


def __getattr__(name: str) -> Any:
    """``adopt``, imported when it is first asked for."""
    if name == "adopt":
        from explorer.adoption.functions import adopt

        return adopt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
