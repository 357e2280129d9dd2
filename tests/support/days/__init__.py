"""Market days that tests play through public calls, from seeds, plans or the exchange's own rows."""
