"""Labelling: the store of what people say, quick models, and the page on which they label."""
