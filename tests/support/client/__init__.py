"""What the client's tests share: services that answer what a test says, and answers of a busy day."""
