"""Structural similarity."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.core.bounds import Between
from sfumato.core.metric import Metric
from sfumato.core.shapes import Image
from sfumato.measure.difference import range_of
from sfumato.measure.similarity import RADIUS_PX, check_window, similarity, similarity_map

__all__ = ["SSIM"]


class SSIM(Metric):
    """Say how much of the light, contrast and structure of a picture is still there.

    Around every pixel, in a Gaussian window of 11 x 11 px with sigma 1.5 px::

        (2 mu_x mu_y + C1) (2 cov(x, y) + C2) / ((mu_x² + mu_y² + C1) (var x + var y + C2))

    with C1 = (0.01 white)², C2 = (0.03 white)² and variances that divide by the
    sum of the weights. The score is the mean over pixels, then over channels. This
    is the definition of 2004, and

    - scikit-image's ``structural_similarity`` with ``gaussian_weights=True, sigma=1.5,
      use_sample_covariance=False`` and the range stated (to 1e-6). Its default, a
      flat window of 7 x 7 with sample covariances, is another number, 0.001 to 0.02
      away;
    - with ``border="padded"`` torchmetrics and kornia's "same" (to 1e-6 where they run
      in double precision), which also count windows that reach beyond the picture.

    SSIM losses of other libraries are 1 - SSIM, or half of that (kornia).

    Range -1 to 1, best 1, near 0 for unrelated textures, below 0 where one is the
    negative of the other. Flat pictures are defined: C1 and C2 keep the quotient at 1
    for equal ones, and at the light part for different ones. NaN is refused.

    Args:
        border: ``valid`` counts windows that lie inside the picture; ``padded`` one
            at every pixel, with the picture reflected about its outermost pixels.
        data_range: distance from black to white in the units of the picture;
            None takes that of the dtype: 255, 65535 or 1.

    Shape:
        prediction and target (h, w, c) or (h, w), sides of 11 px at least.

    Raises:
        ShapeError: the shapes differ, or a side is smaller than the window.
        DtypeError: the dtypes differ.
        RangeError: NaN or infinity.

    Example:
        >>> ramp = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (24, 1))
        >>> round(SSIM()(ramp, ramp), 6), round(SSIM()(240 - ramp, ramp), 3)
        (1.0, -0.623)

    References:
        Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli. Image Quality Assessment: From
        Error Visibility to Structural Similarity. IEEE Transactions on Image
        Processing, 2004. doi:10.1109/TIP.2003.819861
    """

    higher_is_better = True
    value_range = (-1.0, 1.0)

    border: Literal["valid", "padded"] = "valid"
    data_range: Annotated[float, Between(1e-12, 1e12)] | None = None

    def check_pair(self, prediction: Any, target: Any) -> tuple[Any, Any]:
        pair = super().check_pair(prediction, target)
        check_window(pair[0], 2 * RADIUS_PX + 1, "SSIM", "use PSNR for pictures this small")
        return pair

    def score(self, prediction: Image, target: Image) -> float:
        white = range_of(target, self.data_range)
        padded = self.border == "padded"
        return float(np.mean(similarity(prediction, target, white, padded=padded).ssim))

    def map(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float32]:
        """Give SSIM at every pixel and channel, as large as the picture.

        Beyond the border the picture is reflected. The mean of the map is the score
        for ``border="padded"``; without 5 px at each side it is that for ``valid``.

        Shape:
            as for the score; returns float32 (h, w, c).
        """
        first, second = self.check_pair(prediction, target)
        return similarity_map(first, second, range_of(second, self.data_range))
