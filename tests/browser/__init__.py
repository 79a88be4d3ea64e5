"""Tests of the real app in a real Chromium: what the pixels show, and what the server gets.

Every picture that the page decodes is compared with what onnxruntime decodes at the same
place. A test ends with no error on the page or in its console, and with no request except to the
app's own server.

All tests of a process share one desktop page and one phone page, which `Visitor.open` takes to
another address without reloading them. A test whose page remembers something that is not in its
address, such as a zoom or a pin, ends with `Visitor.leave`.
"""
