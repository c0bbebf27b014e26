"""Masked language modelling on raw text: rows, masks, the loss, and `pet adapt`."""
