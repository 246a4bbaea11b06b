"""The API of identities; what also touches assignments lives with assignments."""
