from tests.manifests.tools import tools

__all__ = ["tools"]
