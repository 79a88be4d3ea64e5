"""A run of ``train.py`` that is ended, for tests of what is left."""

from __future__ import annotations

import signal


def end_in_epoch_2(by: signal.Signals) -> str:
    """Python code of a run to which a signal comes after the steps of its second epoch."""
    return f"""
import os
import train
from explorer.cli.terminal import exit_with, loading_tensorflow

with loading_tensorflow():
    from explorer.training.progress import Progress

original = Progress.advance

def advance(self, count, terms):
    if self.epoch == 1:
        os.kill(os.getpid(), {by:d})
    original(self, count, terms)

Progress.advance = advance
exit_with(train.main)
"""
