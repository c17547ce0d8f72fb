"""Finished datasets and models, published: what of a folder is, its card, and its way to a hub."""
