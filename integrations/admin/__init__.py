"""The pages of customers and their connections. Importing it registers them."""

from integrations.admin import activations, checks, tenants  # noqa: F401 - registered by import
