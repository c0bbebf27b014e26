"""Few-shot studies: methods compared on the same draws of many seeds."""
