"""The likelihood of a product of two functions where a hidden rectangle ties them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepnb.background.families import Shape
from hepnb.background.families.family import Parts
from hepnb.background.fitting.newton import Evaluation
from hepnb.background.two_dimensions.spectrum import Spectrum2D

__all__ = ("Joint",)


def __dir__() -> tuple[str, ...]:
    return __all__


Floats = NDArray[np.float64]


class Joint:
    """Extended negative logarithm of a product's likelihood, in ``(w, theta, v, phi)``.

    With ``nu_ij / N = f_i g_j``, ``f = Phi w`` and ``g = Gamma v``: ``N sum_V f_i g_j - sum n_i ln
    f_i - sum n_j ln g_j`` over the visible region V. Its data are two projections. ``f`` times a
    number and ``g`` over it are the same product, so that ``N (sum v - 1)^2 / 2``, which is 0 at
    the minimum, is added to choose one.
    """

    def __init__(self, spectrum: Spectrum2D, x: Shape, y: Shape) -> None:
        self.total = spectrum.total
        self._shapes = (x, y)
        self._edges = (spectrum.x_edges, spectrum.y_edges)
        self._visible = spectrum.visible.astype(np.float64)
        self._counts = (spectrum.counts.sum(axis=1), spectrum.counts.sum(axis=0))
        self.of_widths = sum(
            float(n @ np.log(np.diff(edges)))
            for n, edges in zip(self._counts, self._edges, strict=True)
        )
        sizes = [size for shape in (x, y) for size in (shape.n_components, len(shape.theta_names))]
        self._ends = np.cumsum(sizes)
        self.is_weight = np.repeat([True, False, True, False], sizes)
        self._fixed = [
            None if s.theta_names else self._parts(a, s.start()) for a, s in enumerate((x, y))
        ]

    @property
    def bounds(self) -> Floats:
        """Of shape (n, 2)."""
        blocks = []
        for shape in self._shapes:
            blocks += [np.tile([0.0, np.inf], (shape.n_components, 1)), shape.bounds]
        return np.concatenate(blocks)

    @property
    def scale(self) -> Floats:
        """By how much each variable changes between points that matter."""
        low, high = self.bounds.T
        return np.where(np.isfinite(high), (high - low) / 20.0, 1.0)

    def split(self, z: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Give weights and parameters of x, and of y."""
        w, theta, v, phi = np.split(z, self._ends[:-1])
        return (w, theta), (v, phi)

    def __call__(self, z: Floats) -> Evaluation | None:
        """Evaluate with gradient and Hessian; None where an expectation is not positive."""
        sides = self.split(z)
        parts = [self._fixed[a] or self._parts(a, sides[a][1]) for a in (0, 1)]
        f, g = (part.value @ side[0] for part, side in zip(parts, sides, strict=True))
        if min(f[self._counts[0] > 0].min(), g[self._counts[1] > 0].min()) <= 0.0:
            return None
        n, v = self.total, sides[1][0]
        beside = (self._visible @ g, f @ self._visible)
        value = n * float(f @ beside[0]) + 0.5 * n * (v.sum() - 1.0) ** 2
        gradient, blocks, jacobians = [], [], []
        for axis, h in enumerate((f, g)):
            counts = self._counts[axis]
            filled = counts > 0
            ratio = np.divide(counts, h, out=np.zeros_like(h), where=filled)
            value -= float(counts[filled] @ np.log(h[filled]))
            jacobian = self._jacobian(axis, parts[axis], sides[axis][0])
            residual = n * beside[axis] - ratio
            curvature = np.divide(ratio, h, out=np.zeros_like(h), where=filled)
            block = (jacobian.T * curvature) @ jacobian
            self._bend(block, axis, parts[axis], sides[axis][0], residual)
            gradient.append(jacobian.T @ residual)
            blocks.append(block)
            jacobians.append(jacobian)
        k = len(v)
        gradient[1][:k] += n * (v.sum() - 1.0)
        blocks[1][:k, :k] += n
        cross = n * jacobians[0].T @ self._visible @ jacobians[1]
        hessian = np.block([[blocks[0], cross], [cross.T, blocks[1]]])
        return Evaluation(value, np.concatenate(gradient), hessian)

    def _parts(self, axis: int, theta: Floats) -> Parts:
        edges = self._edges[axis]
        return self._shapes[axis].integral_parts(edges[:-1], edges[1:], theta)

    def _jacobian(self, axis: int, parts: Parts, weights: Floats) -> Floats:
        if parts.first is None:
            return parts.value
        return np.hstack([parts.value, parts.first * weights[self._shapes[axis].owner]])

    def _bend(
        self, block: Floats, axis: int, parts: Parts, weights: Floats, residual: Floats
    ) -> None:
        """Add what the curvature of the function in its own parameters contributes."""
        owner = self._shapes[axis].owner
        if parts.first is None or not len(owner):
            return
        at = np.arange(len(block) - len(owner), len(block))
        mixed = residual @ parts.first
        block[owner, at] += mixed
        block[at, owner] += mixed
        if parts.second is not None:
            block[at, at] += weights[owner] * (residual @ parts.second)
