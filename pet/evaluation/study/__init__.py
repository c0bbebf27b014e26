"""Few-shot studies: methods on the same draws of many seeds, and what they tell."""
