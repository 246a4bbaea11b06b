"""Pages of beginning: opening an account, the overview of an environment, the local service's own."""
