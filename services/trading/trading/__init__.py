"""Trading: the exchange of the market. Start with domain/, then api.py."""
