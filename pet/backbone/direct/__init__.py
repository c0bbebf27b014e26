"""Saved BERT models read without transformers, whose import takes longer than all the rest.

They have the parts of transformers' objects that `pet` uses. Whatever is not known here goes
through transformers, which also has the messages about what is wrong with a folder.
"""
