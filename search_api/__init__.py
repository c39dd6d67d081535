"""The HTTP front: the Search client API and the Auth API of IQ4, and what an operator asks a service."""
