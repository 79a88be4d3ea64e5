"""Make bundles of models from elsewhere."""
