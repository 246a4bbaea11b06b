"""From an empty account to the first decision: sign-up, seeding and the setup guide."""
