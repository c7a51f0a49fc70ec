"""A stand-in for Procountor, served over real HTTP: for the demo, training and tests.

Simulated: it follows `contract.json` and the reference's marks, and README.md in this folder
says which behaviour is documented and which is our assumption. Standard library only.
"""

from integrations.sandbox.server import SandboxServer
from integrations.sandbox.state import Sandbox, SandboxCompany

__all__ = ["Sandbox", "SandboxCompany", "SandboxServer"]
