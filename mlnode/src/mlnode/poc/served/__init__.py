"""Proof of compute through a served language model (docs/spec/poc-served.md)."""
