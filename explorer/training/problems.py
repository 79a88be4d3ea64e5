"""What Keras and TensorFlow raise, and what it says to a person."""

from __future__ import annotations

import re

import tensorflow as tf


def sentence_on(error: Exception) -> str | None:
    """A sentence for a person; None if the fault is ours."""
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return (
            "out of memory; give a smaller --batch-size, --limit the images, or choose "
            "a smaller recipe"
        )
    if isinstance(error, tf.errors.OpError):
        return f"TensorFlow cannot run this: {reason(error)}"
    return None


def reason(error: Exception) -> str:
    """What Keras says is wrong, in one line: without its colours and lists of arguments."""
    text = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n\nArguments received")[0]
    return (text.strip().splitlines() or [type(error).__name__])[-1]
