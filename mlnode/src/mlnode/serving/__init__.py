"""Loads the models that are served between proofs."""
