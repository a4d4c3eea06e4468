"""The chain's epoch arithmetic, bit for bit, over any number of hosts."""
