"""Turn errors of Keras and TensorFlow into sentences for the user."""

from __future__ import annotations

import re

import tensorflow as tf


def sentence_on(error: Exception) -> str | None:
    """Return a sentence for the user; None if the error is a bug of this project."""
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return (
            "out of memory; give a smaller --batch-size, --limit the images, or choose "
            "a smaller recipe"
        )
    if isinstance(error, tf.errors.OpError):
        return f"TensorFlow cannot run this: {reason(error)}"
    return None


def reason(error: Exception) -> str:
    """Return what Keras says is wrong as one line, without its colours and lists of arguments."""
    text = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n\nArguments received")[0]
    return (text.strip().splitlines() or [type(error).__name__])[-1]
