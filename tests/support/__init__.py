"""What tests share: brokers, databases, markets, and the independent auditor."""
