"""Generated from proto/carbonmarket/trading/v1 by scripts/generate; never edited."""
