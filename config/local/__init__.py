"""`make run`: an embedded PostgreSQL and every process of the service under one supervisor."""
