"""Bundles: a trained model as plain files, and what runs them."""
