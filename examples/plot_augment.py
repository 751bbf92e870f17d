"""
Every transform
===============

The whole menu of `sfumato.augment` on one picture with its mask (tinted), boxes and key points.
What moves the picture moves all of them by the same map; what changes values leaves them be.
Boxes and points that fall out of the picture are gone from it.

`A.Lambda` and compositions need steps of your own and are not shown, nor are the names that begin
with `IAA`, which stand for other transforms below.
"""

import inspect
import warnings
import zlib

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf
import sfumato.augment as A

truth = sf.data.DuskRoom(size=(150, 200)).render()
image = sf.data.Camera().expose(truth.radiance, 0.5)
cool = np.ascontiguousarray(image[:, ::-1, ::-1])  # mirrored, red and blue swapped
things = [truth.mask(name) for name in ("vase", "lamp", "balloon")]
mask = np.max([(k + 1) * thing for k, thing in enumerate(things)], axis=0).astype(np.uint8)
places = [np.argwhere(thing) for thing in things]
boxes = np.array([[*at.min(0)[::-1] - 0.5, *at.max(0)[::-1] + 0.5] for at in places])
points = np.array([at.mean(0)[::-1] for at in places])

arguments = {
    "CenterCrop": {"height": 100, "width": 100},
    "Crop": {"x_min": 40, "y_min": 20, "x_max": 180, "y_max": 130},
    "CropAndPad": {"px": (-30, 30)},
    "CropNonEmptyMaskIfExists": {"height": 80, "width": 80},
    "AtLeastOneBBoxRandomCrop": {"height": 100, "width": 100},
    "RandomCrop": {"height": 100, "width": 100},
    "RandomResizedCrop": {"size": (120, 120)},
    "RandomSizedCrop": {"min_max_height": (60, 120), "size": (120, 120)},
    "RandomSizedBBoxSafeCrop": {"height": 120, "width": 120},
    "LongestMaxSize": {"max_size": 80},
    "SmallestMaxSize": {"max_size": 80},
    "Resize": {"height": 80, "width": 160},
    "Pad": {"padding": 16},
    "PadIfNeeded": {"min_height": 190, "min_width": 220},
    "GridElasticDeform": {"num_grid_xy": (4, 4), "magnitude": 10},
    "XYMasking": {"num_masks_x": 3, "num_masks_y": 3, "mask_x_length": 12, "mask_y_length": 12},
    "FrequencyMasking": {"freq_mask_param": 30},
    "ConstrainedCoarseDropout": {
        "mask_indices": [1, 2, 3],
        "hole_height_range": (0.5, 0.5),
        "hole_width_range": (0.5, 0.5),
    },
    "Mosaic": {"target_size": (150, 200), "cell_shape": (110, 150)},
    "MixUp": {"alpha": 5.0},
    "CopyPaste": {"portion": 1.0},
    "FromFloat": {"dtype": "uint8"},
    "TemplateTransform": {"templates": [cool]},
    "FDA": {"reference_images": [cool]},
    "HistogramMatching": {"reference_images": [cool]},
    "PixelDistributionAdaptation": {"reference_images": [cool]},
}
other = {
    "image": cool,
    "mask": np.ascontiguousarray(mask[:, ::-1]),
    "bboxes": np.column_stack([200 - boxes[:, 2], boxes[:, 1], 200 - boxes[:, 0], boxes[:, 3]]),
    "keypoints": np.column_stack([199 - points[:, 0], points[:, 1]]),
}
further = {
    "OverlayElements": {
        "overlay_metadata": {"image": cool[20:110, 40:120], "bbox": (0.05, 0.5, 0.4, 0.95)}
    },
    "Mosaic": {"mosaic_metadata": [other]},
    "MixUp": {"mixup_metadata": [other]},
    "CutMix": {"cutmix_metadata": [other]},
    "CopyPaste": {"copy_paste_metadata": [other]},
    "RandomCropNearBBox": {"cropping_bbox": boxes[2]},
    "TextImage": {"textimage_metadata": {"bbox": (0.1, 0.05, 0.9, 0.3), "text": "Evening"}},
}


def is_shown(name):
    thing = getattr(A, name)
    concrete = isinstance(thing, type) and not inspect.isabstract(thing)
    return concrete and issubclass(thing, A.Transform) and not name.startswith("IAA")


def build(name):
    """Build a transform that always acts, or say why it cannot be shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return getattr(A, name)(**arguments.get(name, {}), p=1.0)
    except sf.errors.SfumatoError as error:
        print(f"{name} is not shown: {error}")
        return None


def vary(name, transform):
    """Run it on everything at once."""
    picture = image.astype(np.float32) / 255 if name == "FromFloat" else image
    compose = A.Compose(
        [transform],
        bbox_params=A.BboxParams("pascal_voc"),
        keypoint_params=A.KeypointParams("xy"),
    )
    fields = {"image": picture, "mask": mask, "bboxes": boxes, "keypoints": points}
    return compose(rng=(7, zlib.crc32(name.encode())), **fields, **further.get(name, {}))


def as_shown(picture):
    """Bring what came out into the form that is drawn: h, w, c in 0..1."""
    values = np.asarray(picture)
    if values.ndim == 3 and values.shape[2] not in (1, 3):  # a tensor has its channels first
        values = values.transpose(1, 2, 0)
    if values.dtype == np.uint8:
        return values / 255
    low, high = min(values.min(), 0.0), max(values.max(), 1.0)
    return (values - low) / (high - low)


def draw(axis, name, out):
    """Draw a picture and what lies on it."""
    axis.imshow(as_shown(out["image"]), cmap="gray", vmin=0, vmax=1)
    tint = np.zeros((*np.shape(out["mask"]), 4))
    tint[np.asarray(out["mask"]) > 0] = (1.0, 0.2, 0.1, 0.35)
    axis.imshow(tint)
    for x0, y0, x1, y1 in np.asarray(out["bboxes"]).reshape(-1, 4):
        axis.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color="gold", linewidth=1)
    dots = np.asarray(out["keypoints"]).reshape(-1, 2)
    axis.scatter(dots[:, 0], dots[:, 1], s=9, color="cyan", zorder=3)
    height, width = np.shape(out["mask"])[:2]
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axis.set_title(name, fontsize=8)


def show(names, columns=6):
    """Draw one figure of several transforms."""
    transforms = {name: build(name) for name in names}
    shown = [name for name, transform in transforms.items() if transform is not None]
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2 * columns, 1.75 * rows), squeeze=False)
    figure.subplots_adjust(0.005, 0.005, 0.995, 1 - 0.2 / (1.75 * rows), 0.04, 0.14)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, shown, strict=False):
        draw(axis, name, vary(name, transforms[name]))
    plt.show()


menu = [name for name in A.__all__ if is_shown(name) and name not in ("Transform", "NoOp")]
moving = [name for name in menu if issubclass(getattr(A, name), A.SpatialTransform)]
values = [name for name in menu if issubclass(getattr(A, name), A.PixelTransform)]
others = [name for name in menu if name not in moving and name not in values]

# %%
# The picture as it is
# --------------------

figure, axis = plt.subplots(figsize=(4, 3.2), layout="constrained")
draw(axis, "original", {"image": image, "mask": mask, "bboxes": boxes, "keypoints": points})
axis.set_axis_off()
plt.show()

# %%
# What moves
# ----------

show(moving)

# %%
# What hides a part, mixes, or does both
# --------------------------------------

show(others)

# %%
# What changes values, first half
# -------------------------------

show(values[: len(values) // 2])

# %%
# What changes values, second half
# --------------------------------

show(values[len(values) // 2 :])
