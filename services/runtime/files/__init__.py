"""Documents: streamed in, told by their content, kept by their hash outside any web root.

Enters: bytes of an upload. Leaves: a row that names them, and the bytes again as an attachment.
"""
