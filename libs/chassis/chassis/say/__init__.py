"""What operators get to see: traces, metrics and logs. Imports nothing else of the chassis, so that all of it may."""
