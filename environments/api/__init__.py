"""The API of environments, and what every other API of an environment is built on."""
