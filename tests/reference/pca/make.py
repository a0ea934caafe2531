"""Writes samples and what scikit-learn's PCA makes of them. numpy 2.4.6, scikit-learn 1.9.1."""

from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

here = Path(__file__).parent
random = np.random.RandomState(7)
spectrum = 3.0 * 0.7 ** np.arange(12)
rotation = np.linalg.qr(random.randn(12, 12))[0]
samples = (random.randn(200, 12) * spectrum) @ rotation + random.randn(12)
samples = samples.astype("<f4")

pca = PCA(n_components=5, svd_solver="full").fit(samples.astype(np.float64))
components = pca.components_
largest = np.abs(components).argmax(axis=1)
components = components * np.sign(components[np.arange(5), largest])[:, None]

for name, array in {
    "samples": samples,
    "mean": pca.mean_,
    "components": components,
    "stdev": np.sqrt(pca.explained_variance_),
    "explained_variance_ratio": pca.explained_variance_ratio_,
}.items():
    array.astype("<f4").tofile(here / f"{name}.bin")
