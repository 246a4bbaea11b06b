"""People who sign in, the accounts they belong to and their team roles."""
