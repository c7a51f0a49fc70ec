"""Activation links: requests read from Procountor, decided by a person, keys filed."""
