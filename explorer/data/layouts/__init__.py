"""Layouts: from files to splits, classes and columns."""
