"""What people see: functions from an answer's message to something that rich can print."""
