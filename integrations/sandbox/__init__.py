"""A simulated Procountor over real HTTP, for the demo, training and tests. Not Procountor.

Built from `integrations/procountor/contract.json`. Every answer carries the header
`Server: FlashnodeSandbox`. What is documented, what was seen in other clients and what is our
own assumption is told apart in this folder's README.md. Standard library only, no Django.
"""

from .company import SandboxCompany
from .server import SandboxServer
from .state import Sandbox

__all__ = ["Sandbox", "SandboxCompany", "SandboxServer"]
