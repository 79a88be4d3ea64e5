"""What Keras and TensorFlow raise, and what it says to a person."""

from __future__ import annotations

import re

import tensorflow as tf

OpError = tf.errors.OpError
MEMORY_ERRORS = (tf.errors.ResourceExhaustedError, MemoryError)


def reason(error: Exception) -> str:
    """What Keras says is wrong, in one line: without its colours and lists of arguments."""
    text = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n\nArguments received")[0]
    return (text.strip().splitlines() or [type(error).__name__])[-1]
