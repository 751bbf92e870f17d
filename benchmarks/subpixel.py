"""Measure how exactly edges are found, on charts whose edges are known exactly.

Lines at 24 angles and discs of four radii (8 sub-pixel centres each, bright and dark)
with a step of 150 grey levels, 8 bits, are computed by exact area integration with
three blurs (Gaussian, px) and three noises (standard deviation in grey levels). For
every method the table gives the distances of its points to the true curve: rms, bias
(positive towards the bright side; on discs towards the centre), the 95 % quantile of
the size; recall (share of the curve with a point within 1 px) and false points (share
farther than 1.5 px, left out of the rms). Points within 5 px of the border are not
counted. Then circles fitted to the discs, processor time at 12 MP, and the targets.

No method can do better than the noise of the pixels allows: at noise 2 and blur 0.7 the
bound of Cramér and Rao for the centre of a disc of radius 12.75 is 0.005 px (rms), so the
largest of 8 errors lies near 0.01 for the best of them. Circles are fitted to the points
of each detector, and to the grey values around the points of Devernay (`image=`); for the
latter the bound is computed by differences of the exact charts, and the share of circles
whose centre and radius both lie within 0.01 px is told next to what the bound allows.

The peers: integer Canny (OpenCV), the contour at the true middle level (scikit-image),
and the package `subpixel-edges`, each where it is installed.

Run: python benchmarks/subpixel.py [--quick] [--seed 0] [--megapixels 12]
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time

import numpy as np

from sfumato.core.opencv import cv2
from sfumato.data import DiscChart, LineChart
from sfumato.features import (
    Canny,
    DevernayEdges,
    ErfEdges,
    PartialAreaEdges,
    SplineEdges,
    ZernikeEdges,
    fit_circle,
)

BLURS, NOISES = (0.0, 0.7, 1.5), (0.0, 2.0, 5.0)
RADII = (5.3, 12.75, 20.5, 40.2)
BORDER = 5


def ours(detector):
    return lambda chart, picture: detector.detect(picture).points


def integer_canny(chart, picture):
    step = chart.high - chart.low
    canny = Canny(sigma=1.0, thresholds=(0.06 * step, 0.12 * step))
    return np.argwhere(canny.detect(picture))[:, ::-1].astype(float)


def methods():
    table = {
        "Devernay": ours(DevernayEdges()),
        "Devernay, uncorrected": ours(DevernayEdges(curvature_correction=False)),
        "Devernay, parabola": ours(DevernayEdges(peak="parabola")),
        "B-spline": ours(SplineEdges()),
        "erf fit": ours(ErfEdges()),
        "Zernike 5x5": ours(ZernikeEdges(window=5)),
        "Zernike 7x7": ours(ZernikeEdges()),
        "partial area": ours(PartialAreaEdges()),
        "partial area, 7 columns": ours(PartialAreaEdges(columns=7)),
        "peer: integer Canny": integer_canny,
    }
    with contextlib.suppress(ImportError):
        from skimage.measure import find_contours

        def contour(chart, picture):
            level = 127.5 * (chart.low + chart.high)
            found = find_contours(picture[..., 0].astype(float), level)
            return np.concatenate([line[:, ::-1] for line in found]) if found else np.zeros((0, 2))

        table["peer: mid-level contour"] = contour
    with contextlib.suppress(ImportError):
        from subpixel_edges import subpixel_edges

        def package(chart, picture):
            found = subpixel_edges(picture[..., 0].astype(float), 25, 0, 2)
            return np.stack([found.x, found.y], axis=1)

        table["peer: subpixel-edges"] = package
    return table


def line_charts(blur, noise, seed):
    return [
        LineChart(
            size=(64, 64),
            angle_deg=(15 * k + 3.3) % 360,
            offset_px=(0.377 * k) % 1,
            blur_px=blur,
            noise_sd=noise / 255,
            seed=seed + k,
        )
        for k in range(24)
    ]


def disc_charts(radius, blur, noise, seed, count=8):
    side = math.ceil(2 * radius) + 28
    return [
        DiscChart(
            size=(side, side),
            radius_px=radius,
            center_px=(side / 2 + (0.37 * k) % 1, side / 2 + (0.61 * k) % 1),
            blur_px=blur,
            noise_sd=noise / 255,
            seed=seed + k,
            bright=k % 2 == 0,
        )
        for k in range(count)
    ]


def inner(points, size):
    limit = np.array(size[::-1]) - 1 - BORDER
    return points[((points >= BORDER) & (points <= limit)).all(axis=1)]


def judge(method, charts):
    errors, missed, curve_points, false, count = [], 0, 0, 0, 0
    for chart in charts:
        points = inner(method(chart, chart.picture()), chart.size)
        away = chart.distance(*points.T)
        if isinstance(chart, DiscChart) and not chart.bright:
            away = -away
        good = np.abs(away) <= 1.5
        errors.append(away[good])
        false, count = false + np.count_nonzero(~good), count + len(points)
        curve = inner(inner(chart.curve(), chart.size) - 1, np.array(chart.size) - 2) + 1
        gaps = np.hypot(*(curve[:, None] - points[None]).transpose(2, 0, 1))
        missed += np.count_nonzero((gaps > 1.0).all(axis=1))
        curve_points += len(curve)
    all_errors = np.concatenate(errors)
    if not all_errors.size:
        return None
    return {
        "rms": float(np.sqrt(np.mean(all_errors**2))),
        "bias": float(all_errors.mean()),
        "p95": float(np.quantile(np.abs(all_errors), 0.95)),
        "recall": 1 - missed / curve_points,
        "false": false / count,
    }


def circles(method, charts):
    """Give the rms errors of centre and radius of fitted circles, and the largest of all."""
    centers, radii = [], []
    for chart in charts:
        circle = fit_circle(inner(method(chart, chart.picture()), chart.size))
        centers.append(float(np.hypot(*np.subtract(circle.center, chart.center))))
        radii.append(circle.radius_px - chart.radius_px)
    worst = max(*centers, *np.abs(radii))
    return (*(float(np.sqrt(np.mean(np.square(e)))) for e in (centers, radii)), float(worst))


def accuracy(table, seed, quick):
    found = {}
    head = f"{'method':24s} {'shape':8s} blur noise     rms    bias     95%  recall  false"
    out = [head]
    shapes = [None, *(RADII[1:3] if quick else RADII)]
    for name, method in table.items():
        for radius in shapes:
            for blur in BLURS:
                for noise in NOISES:
                    if radius is None:
                        charts = line_charts(blur, noise, seed)
                    else:
                        charts = disc_charts(radius, blur, noise, seed)
                    result = judge(method, charts)
                    found[name, radius, blur, noise] = result
                    shape = "lines" if radius is None else f"R {radius:g}"
                    text = (
                        "    nothing found"
                        if result is None
                        else (
                            f"{result['rms']:8.4f} {result['bias']:+.4f} {result['p95']:7.4f} "
                            f"{100 * result['recall']:6.1f}% {100 * result['false']:5.1f}%"
                        )
                    )
                    out.append(f"{name:24s} {shape:8s} {blur:4.1f} {noise:5.0f} {text}")
    return found, out


def fitted_circles(table, seed):
    out, found = ["circles fitted at noise 2: error of centre (rms), radius (rms), largest, px"], {}
    for name, method in table.items():
        for radius in RADII:
            for blur in (0.0, 0.7):
                fit = circles(method, disc_charts(radius, blur, 2.0, seed))
                found[name, radius, blur] = fit
                numbers = "  ".join(f"{value:.4f}" for value in fit)
                out.append(f"{name:24s} R {radius:<6g} blur {blur:.1f}  {numbers}")
    return found, out


def least_errors(chart):
    """Give the least standard deviations (centre, radius) that the noise leaves."""
    places = chart.center, chart.radius_px

    def share(dx, dy, dr):
        (x, y), r = places
        moved = {**chart.config, "center_px": (x + dx, y + dy), "radius_px": r + dr}
        return DiscChart(**moved).clean().ravel()

    def slope(*by):
        return (share(*by) - share(*(-b for b in by))) / 2e-3

    def level(**by):
        raised = DiscChart(**{**chart.config, **{k: getattr(chart, k) + v for k, v in by.items()}})
        return (raised.clean() - chart.clean()).ravel() / 1e-3

    columns = [slope(1e-3, 0, 0), slope(0, 1e-3, 0), slope(0, 0, 1e-3)]
    columns += [level(low=1e-3), level(high=1e-3)]
    if chart.blur_px:
        columns.append(level(blur_px=1e-3))
    columns = np.stack(columns, axis=1)
    # Rounding to whole levels adds its own noise.
    variance = chart.noise_sd**2 + (1 / 255) ** 2 / 12
    spread = np.diag(np.linalg.inv(columns.T @ columns)) * variance
    return math.sqrt(spread[0] + spread[1]), math.sqrt(spread[2])


def allowed_share(least, limit=0.01):
    """Give the share of circles that the bound lets lie within a limit."""
    inner = 1 - math.exp(-((limit / least[0]) ** 2))  # centre: both coordinates alike
    return inner * math.erf(limit / least[1] / math.sqrt(2))


def grey_circles(seed, trials):
    out = [
        f"circles fitted to grey values at noise 2, {trials} trials, px: error of centre (rms), "
        "its bound, radius (rms), its bound, largest of first 8, of all, share within 0.01, "
        "share the bound allows"
    ]
    found, detector = {}, DevernayEdges()
    for radius in RADII:
        for blur in BLURS:
            centers, radii = [], []
            for chart in disc_charts(radius, blur, 2.0, seed, trials):
                picture = chart.picture()
                circle = fit_circle(detector.detect(picture), image=picture)
                centers.append(float(np.hypot(*np.subtract(circle.center, chart.center))))
                radii.append(circle.radius_px - chart.radius_px)
            least = least_errors(chart)
            each = np.maximum(centers, np.abs(radii))
            rms = [float(np.sqrt(np.mean(np.square(e)))) for e in (centers, radii)]
            found[radius, blur] = {
                "rms": max(rms),
                "first 8": float(each[:8].max()),
            }
            out.append(
                f"R {radius:<6g} blur {blur:.1f}  {rms[0]:.4f} ({least[0]:.4f})  {rms[1]:.4f} "
                f"({least[1]:.4f})  {each[:8].max():.4f}  {each.max():.4f}  "
                f"{100 * np.mean(each <= 0.01):5.1f}%  {100 * allowed_share(least):5.1f}%"
            )
    return found, out


def pictures_12mp(megapixels, seed):
    """Give a picture of discs with noise, and two all over texture."""
    rng = np.random.default_rng(seed)
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    width = height * 4 // 3
    plain = np.full((height, width), 50, np.float32)
    for _ in range(width * height // 40000):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        value = float(rng.integers(60, 220))
        cv2.circle(plain, (x, y), int(rng.integers(10, 90)), value, -1, cv2.LINE_AA)
    plain += rng.normal(0, 2, plain.shape).astype(np.float32)
    found = {"shapes": plain}
    for name, sigma in (("texture", 6.0), ("dense", 3.0)):
        rough = cv2.GaussianBlur(rng.normal(0, 1, plain.shape).astype(np.float32), (0, 0), sigma)
        found[name] = 128 + 40 * rough / rough.std()
        found[name] += rng.normal(0, 2, plain.shape).astype(np.float32)
    return found


def processor_time(work, repeats=1):
    seconds = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(repeats):
            found = work()
        seconds.append((time.process_time() - start) / repeats)
    return sorted(seconds)[1], found


def speed(megapixels, seed):
    detectors = (DevernayEdges, SplineEdges, ErfEdges, ZernikeEdges, PartialAreaEdges)
    out, times = [f"processor seconds at {megapixels:g} MP (and a quarter of it), points"], {}
    small = pictures_12mp(megapixels / 4, seed)
    for kind, values in pictures_12mp(1.0, seed).items():
        ratio = canny_ratio(np.clip(values, 0, 255).astype(np.uint8), 20)
        times["Canny", f"{kind} 1 MP"] = ratio
        out.append(
            f"{'Canny at 1 MP':18s} {kind:8s} {ratio:6.2f} times cv2.GaussianBlur + cv2.Canny"
        )
    for kind, values in pictures_12mp(megapixels, seed).items():
        large, quarter = (np.clip(v, 0, 255).astype(np.uint8) for v in (values, small[kind]))
        for detector in detectors:
            detector().detect(quarter)
            few, _ = processor_time(lambda d=detector, q=quarter: d().detect(q))
            all_, edges = processor_time(lambda d=detector, p=large: d().detect(p))
            times[detector.__name__, kind] = all_
            out.append(
                f"{detector.__name__:18s} {kind:8s} {all_:6.3f} ({few:.3f})  {len(edges):8d} points"
            )
        ratio = canny_ratio(large)
        times["Canny", kind] = ratio
        out.append(f"{'Canny':18s} {kind:8s} {ratio:6.2f} times cv2.GaussianBlur + cv2.Canny")
    return times, out


def canny_ratio(picture, repeats=1):
    mine = Canny(thresholds=(50 / 2040, 100 / 2040))
    pairs = []
    for _ in range(5):
        a, _ = processor_time(lambda: mine.detect(picture), repeats)
        b, _ = processor_time(
            lambda: cv2.Canny(cv2.GaussianBlur(picture, (0, 0), 1.4), 50, 100, L2gradient=True),
            repeats,
        )
        pairs.append(a / b)
    return sorted(pairs)[2]


def targets(found, fits, grey, times):
    def rms(name, keys):
        known = [found[(name, *key)] for key in keys if (name, *key) in found]
        return max(value["rms"] for value in known)

    radii = sorted({key[1] for key in found if key[1] is not None})
    noisy_lines = [(None, b, 2.0) for b in BLURS]
    fair = [(None, b, n) for b in (0.0, 0.7) for n in (0.0, 2.0)]
    own = ("Devernay", "B-spline", "erf fit", "Zernike 7x7", "partial area")
    complete = [found[name, *key] for name in own for key in [*fair, (None, 1.5, 0.0)]]
    clean_discs = [(r, b, 0.0) for r in radii for b in BLURS]
    noisy_discs = [(r, b, 2.0) for r in radii for b in (0.0, 0.7)]
    fit = {name: [v for (n, r, _), v in fits.items() if n == name and r > 10] for name in own}
    worst = {name: max(max(value[:2]) for value in values) for name, values in fit.items()}
    most = {name: max(v[2] for (n, _, _), v in fits.items() if n == name) for name in own}

    def slowest(kind):
        return max(value for (name, k), value in times.items() if name != "Canny" and k == kind)

    cannys = [value for (name, _), value in times.items() if name == "Canny"]
    lines = [
        ("partial area, clean lines, blur 0", rms("partial area", [(None, 0.0, 0.0)]), 0.005),
        ("partial area, clean lines, blur 0.7", rms("partial area", [(None, 0.7, 0.0)]), 0.005),
        ("Devernay, clean lines", rms("Devernay", [(None, b, 0.0) for b in BLURS]), 0.02),
        ("Devernay, lines, noise 2, blur <= 0.7", rms("Devernay", fair), 0.03),
        ("Devernay, lines, noise 2, any blur", rms("Devernay", noisy_lines), 0.03),
        ("Devernay, clean discs", rms("Devernay", clean_discs), 0.025),
        ("Devernay, discs, noise 2, blur <= 0.7", rms("Devernay", noisy_discs), 0.025),
        ("erf fit, blur 0.7, noise 5", rms("erf fit", [(None, 0.7, 5.0)]), 0.03),
        ("Zernike 7x7, lines, blur <= 0.7, to noise 2", rms("Zernike 7x7", fair), 0.03),
        ("missed, lines, blur <= 0.7, to noise 2", 1 - min(c["recall"] for c in complete), 0.02),
        ("false points, the same", max(c["false"] for c in complete), 0.01),
    ]
    sharp = [v for (_, b), v in grey.items() if b < 1.0]
    wide = [v for (r, b), v in grey.items() if b < 1.0 and r > 10]
    lines += [
        ("circle on grey values, blur <= 0.7, all R, rms", max(v["rms"] for v in sharp), 0.01),
        ("the same, any blur, rms", max(v["rms"] for v in grey.values()), 0.01),
        (
            "the same, R > 10, any blur, rms",
            max(v["rms"] for k, v in grey.items() if k[0] > 10),
            0.01,
        ),
        ("blur <= 0.7, R > 10, largest of 8", max(v["first 8"] for v in wide), 0.01),
        ("blur <= 0.7, all R, largest of 8", max(v["first 8"] for v in sharp), 0.01),
    ]
    lines += [
        (f"circle on points, {name}, R > 10, rms", value, 0.01) for name, value in worst.items()
    ]
    lines += [(f"circle on points, {name}, all R, largest", v, 0.01) for name, v in most.items()]
    lines += [
        (f"slowest detector, {k}, s", slowest(k), 1.5) for k in ("shapes", "texture", "dense")
    ]
    lines += [("Canny against OpenCV's pair, times", max(cannys), 1.3)]
    out = ["targets"]
    for what, value, limit in lines:
        verdict = "met" if value <= limit else "MISSED"
        out.append(f"  {what:48s} {value:8.4f}  <= {limit:<6g} {verdict}")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two radii only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--megapixels", type=float, default=12.0)
    options = parser.parse_args()
    table = methods()
    found, out = accuracy(table, options.seed, options.quick)
    sys.stdout.write("\n".join(out) + "\n")
    fits, out = fitted_circles(table, options.seed)
    sys.stdout.write("\n".join(out) + "\n")
    grey, out = grey_circles(options.seed, 20 if options.quick else 100)
    sys.stdout.write("\n".join(out) + "\n")
    times, out = speed(options.megapixels, options.seed)
    sys.stdout.write("\n".join([*out, *targets(found, fits, grey, times)]) + "\n")


if __name__ == "__main__":
    main()
