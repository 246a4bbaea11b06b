"""What the service costs: a generated world, real HTTP load, CPU seconds of web and database apart."""
