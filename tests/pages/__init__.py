"""The app's pages as the server draws them: every view, address, event and broken file."""
