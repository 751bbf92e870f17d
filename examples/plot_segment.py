"""
What each pixel shows
=====================

A small U-Net learns the furniture of a computed room from 40 views of it, and then labels another
room with another sun and another still life. The truth is exact, so its answer can be scored, and
compared with what needs no network at all: the most frequent class of each place.
"""

import matplotlib.pyplot as plt
import numpy as np

import sfumato as sf

CLASSES = {
    "room": ("room", "beam"),
    "window": ("window frame", "window reveal"),
    "outdoors": ("outdoors",),
    "furniture": ("table", "sideboard", "bookcase"),
    "still life": ("vase", "book", "mirror ball", "painted ball", "bowl", "fruit", "lamp"),
    "pictures": ("chart", "poster"),
    "balloon": ("balloon",),
}

here, elsewhere = (sf.data.DuskRoom(size=(72, 96), seed=seed, samples=1) for seed in (1, 2))
names = here.render().names
groups = tuple(
    tuple(number for number, name in names.items() if name in of) for of in CLASSES.values()
)


def views(room, count):
    return sf.data.Loader(
        source=sf.data.SceneViews(scene=room, count=count),
        prepare=sf.segment.Relabel(groups=groups),
        augment=sf.augment.HorizontalFlip(),
        batch_size=8,
        cache_mb=64,
    )


train, test = views(here, 40), list(views(elsewhere, 8).once())
counts = sf.segment.LabelCounts.of(
    [labels for batch in train.once() for labels in batch.mask.numpy()], len(CLASSES), ignore=255
)

# %%
# Rare classes weigh more, or the balloon would be cheaper to forget than to find.

unet = sf.segment.UNet(
    classes=len(CLASSES), width=8, levels=3, ignore=255, class_weights=counts.class_weights()
)
recipe = sf.train.Recipe(steps=100, lr=6e-3, warmup_steps=10, device="cpu")
sf.train.Trainer(recipe).fit(unet, train)

# %%
# A score counts only beside what it has to beat.


def score(answer):
    metric = sf.measure.MeanIoU(classes=len(CLASSES), ignore=255)
    for batch in test:
        for labels, truth in zip(answer(batch), batch.mask.numpy(), strict=True):
            metric.update(labels, truth)
    return metric


answers = {
    "majority": lambda batch: np.full(batch.mask.shape, counts.majority()),
    "location prior": lambda batch: np.stack([counts.location_prior()] * len(batch)),
    "U-Net": lambda batch: unet.predict(batch).mask.numpy(),
}
for name, answer in answers.items():
    metric = score(answer)
    each = ", ".join(f"{c} {v:.2f}" for c, v in zip(CLASSES, metric.per_class(), strict=True))
    print(f"{name:>14}: mean IoU {metric.compute():.3f} ({each})")

paint = sf.segment.LabelOverlay(clear=(255,), opacity=0.6)
batch = test[0]
rows = {
    "picture": [sample.image for sample in batch.samples()],
    "U-Net": [paint(sample).image for sample in unet.predict(batch).samples()],
    "truth": [paint(sample).image for sample in batch.samples()],
}
figure, axes = plt.subplots(3, 4, figsize=(11, 6.4), layout="constrained")
for row, (name, pictures) in zip(axes, rows.items(), strict=True):
    for axis, picture in zip(row, pictures, strict=False):
        axis.imshow(picture)
        axis.set_axis_off()
    row[0].set_title(name, loc="left")
plt.show()
