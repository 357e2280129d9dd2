"""What operators see: traces, metrics and logs. Imports nothing else of the chassis, so that every other folder may
import it.
"""
