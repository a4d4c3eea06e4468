"""Verification as a function: one request in, the decisions on its nonces out."""
