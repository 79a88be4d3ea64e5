"""The real app in a real Chromium: what the pixels show, and what goes to the server.

Every picture that the page decodes is compared with what onnxruntime decodes at the same
place. A test ends with no error on the page or in its console, and with no request to
anywhere but the app's own server.

All tests of a process share one page at a desk and one on a phone, which `Visitor.open` brings
to another address without loading them anew. A test whose page has noted something that no
address says, such as a zoom or a pin, ends with `Visitor.leave`.
"""
