"""Put this folder on PYTHONPATH, and vLLM takes the kernels that it has for processors with AVX2 alone.

PyTorch and oneDNN are held to AVX2 by ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2. vLLM looks at neither, but
asks torch.cpu what the processor has. So a machine with AVX-512 shows what one without it does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import MappingProxyType, ModuleType

NEWER = ("avx512", "avx10", "amx", "avx_vnni", "avx_ne")  # how the names of what came after AVX2 begin


class _Hold(MetaPathFinder):
    """Changes torch.cpu as soon as it is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "torch.cpu":
            return None
        spec = PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_held(module: ModuleType) -> None:
            load(module)
            found = module.get_capabilities()
            held = {flag: value and not flag.startswith(NEWER) for flag, value in found.items()}
            module.get_capabilities = lambda: MappingProxyType(held)  # type: ignore[attr-defined]

        spec.loader.exec_module = load_held  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Hold())
