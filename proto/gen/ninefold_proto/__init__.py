"""Generated messages: `inference.v1` and `validators.v1` of the chain, `mlnode.v1` of the compute servers.

Everything below the packages named `v1` is written by `make proto`.
"""
