"""The score of a network while it is trained, by the very code that scores it afterwards."""
import hashlib

import numpy as np

from sr_tf.scoring import metrics
from sr_tf.scoring.evaluate import (
    Settings,
    evaluate,
    require_readable,
    require_room,
    shown_source,
)
from sr_tf.scoring.methods import Network


class Validation:
    """PSNRs on sets of images, which processes share; `count` of them in all.

    upscaler_of: a function of weights, a mapping of names to arrays: the `Upscaler` with them.
    share: the rank of this process, and of how many.
    """

    def __init__(self, upscaler_of, test_sets, degradation, share):
        self._upscaler_of = upscaler_of
        self._test_sets = test_sets
        self._settings = Settings(('paper',), ('psnr',), degradation, False)
        self._share = share
        self._lengths = [len(test_set.sizes()) for test_set in test_sets]
        self.count = sum(self._lengths)
        # What cannot be scored ends the run at its beginning.
        for test_set in test_sets:
            require_room(test_set, self._settings)
            require_readable(test_set, self._settings, share)

    @property
    def digest(self):
        """Tells scores that can be compared from others."""
        images = [(test_set.scale, [pair.name for pair in test_set.pairs()], test_set.sizes())
                  for test_set in self._test_sets]
        measured = repr((images, shown_source(self._settings).degradation))
        return hashlib.sha256(measured.encode()).hexdigest()[:16]

    def scores(self, weights, progress=lambda: None):
        """A float64 vector with the PSNR of each image of this process' share, and zeros.

        progress: called after each image.
        """
        network = Network([self._upscaler_of(weights)], 'network')
        scores = [np.zeros(length) for length in self._lengths]
        for values, test_set in zip(scores, self._test_sets):
            for scored in evaluate(network, test_set, self._settings, self._share):
                values[scored.index] = scored.scores['paper']['psnr']
                progress()
        return np.concatenate(scores)

    def mean(self, scores):
        """The mean of the sets' means, from the scores of all processes."""
        parts = np.split(scores, np.cumsum(self._lengths)[:-1])
        return float(np.mean([metrics.mean(part.tolist()).value for part in parts]))
