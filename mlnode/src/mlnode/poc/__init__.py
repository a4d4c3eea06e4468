"""Proof of compute: the device-free mathematics of a round.

The definition that this package evaluates is ``docs/spec/poc.md``. Nothing here knows of
gRPC, processes or devices.
"""
