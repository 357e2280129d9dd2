"""The registry: the final proof of who owns which allowance."""
