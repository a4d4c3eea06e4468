"""`python -m testnet`."""

from testnet.cli import main

main()
