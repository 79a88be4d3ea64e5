"""Layouts: work out splits, classes and columns from the files of a data set."""
