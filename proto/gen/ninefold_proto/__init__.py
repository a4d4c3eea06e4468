"""Generated messages of the chain (`inference`, `validators`) and of the mlnodes (`mlnode`).

Everything below the packages named `v1` is written by `make proto`.
"""
