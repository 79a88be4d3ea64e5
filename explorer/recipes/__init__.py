"""Recipes: what is trained and how, as plain data."""
