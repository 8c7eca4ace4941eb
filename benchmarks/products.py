"""The cells of quantized_matmul: y = x W^T with W kept as codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FROM_MEMORY = 64 << 20  # bytes of weights that no cache holds
BITS = {"int8_dynamic": 8, "int8": 8, "int4": 4, "nf4": 4}


@dataclass(frozen=True)
class Cell:
    """x (rows, k), W (n, k) in groups of `group` columns (0: one for each row of W)."""

    rows: int
    k: int
    n: int
    quantization: str
    group: int = 0

    def __str__(self) -> str:
        group = f", groups of {self.group}" if self.group else ""
        return f"{self.rows}x{self.k} by {self.n}, {self.quantization}{group}"

    @property
    def packed(self) -> int:
        """Bytes of one W: codes and scales."""
        groups = -(-self.k // self.group) if self.group else 1
        return self.n * self.k * BITS[self.quantization] // 8 + 4 * self.n * groups

    @property
    def layers(self) -> int:
        """How many W are read in turn: with one row, as many as come from memory."""
        return max(1, FROM_MEMORY // self.packed) if self.rows == 1 else 1

    @property
    def operations(self) -> int:
        return 2 * self.rows * self.k * self.n * self.layers

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """x and W in float32."""
        rng = np.random.default_rng(self.rows + self.k + self.n)
        draw = rng.standard_normal
        return draw((self.rows, self.k), dtype=np.float32), draw((self.n, self.k), dtype=np.float32) / 32


ONE_ROW = [("int8_dynamic", 0), ("int8", 0), ("int4", 64), ("int4", 128), ("nf4", 64)]
SHAPES = ((384, 1536), (768, 3072), (3072, 768))
CELLS = (
    *(Cell(1, 2048, 5632, *how) for how in ONE_ROW),
    *(Cell(1, 5632, 2048, *how) for how in ONE_ROW[1:3]),
    *(Cell(rows, k, n, "int8_dynamic") for k, n in SHAPES for rows in (16, 128, 1024)),
    *(Cell(rows, 2048, 5632, "int4", 64) for rows in (16, 128)),
)
