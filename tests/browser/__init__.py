"""The real app in a real Chromium: what the pixels show, and what goes to the server.

Every picture that the page decodes is compared with what onnxruntime decodes at the same
place. A test ends with no error on the page or in its console, and with no request to
anywhere but the app's own server.
"""
