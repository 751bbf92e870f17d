"""
From words to pictures
======================

The embedded generator paints small scenes from captions, and needs no download. Guidance decides
how strictly the words are followed, the seed which of all the pictures they allow it will be.
A mask lets it repaint only part of a picture: here the sky gets a balloon.
"""

import matplotlib.pyplot as plt
import torch

import sfumato as sf

painter = sf.core.load("scenes")
caption = "a red house at the bottom under a blue sky"
rows = {
    strength: painter.generate(
        caption, size=(64, 64), seed=1, count=3, steps=8, guidance=strength
    ).image
    for strength in (1.0, 3.0, 6.0)
}

picture = rows[3.0][:1]
mask = torch.zeros(1, 64, 64, dtype=torch.int64)
mask[:, :32] = 1
words = ("a red house at the bottom and a yellow balloon at the top under a blue sky",)
asked = sf.core.Batch(picture, mask=mask, text=words)
repainted = painter.predict(asked, fill_in=True, rng=torch.Generator().manual_seed(2), steps=8)

figure, axes = plt.subplots(3, 4, figsize=(8, 6), layout="constrained")
for row, (strength, pictures) in zip(axes, rows.items(), strict=True):
    for place, made in zip(row, (*pictures, repainted.image[0]), strict=True):
        place.imshow(made.permute(1, 2, 0).numpy())
        place.set_axis_off()
    row[0].set_title(f"guidance {strength:g}", loc="left", fontsize=9)
axes[0, 3].set_visible(False)
axes[2, 3].set_visible(False)
axes[1, 3].set_title("the first, sky repainted", fontsize=9)
plt.show()
