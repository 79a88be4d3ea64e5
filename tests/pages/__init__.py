"""Tests of the app's pages as the server draws them: views, addresses, events, broken files."""
