"""What a training keeps: its checkpoints, and the one that scores best."""
import math
import os

import numpy as np

from sr_tf import checkpoint
from sr_tf.compat import tf
from sr_tf.distributed.exact import as_bytes, as_numbers
from sr_tf.errors import UserError
from sr_tf.version import versions


class Keeper:
    """Saves checkpoints, and keeps the one that scores best; made before the graph is finished."""

    def __init__(self, folder, plan, model, state, engine, validation):
        self._folder = folder
        self._plan = plan
        self._model = model
        self._state = state
        self._engine = engine
        self._validation = validation
        self._best_folder = os.path.join(folder, checkpoint.BEST)
        # The processes' scores as bytes: no digit is lost on the way.
        self._own_scores = tf.placeholder(tf.float32, [8 * (validation.count if validation else 1)])
        self._scores = engine.sum(self._own_scores)
        self._own_word = tf.placeholder(tf.float32, [1])
        self._word = engine.sum(self._own_word)
        self._saved_step = None

    def save(self, session, step):
        """A step is saved once, also when it was saved before this run went on from it."""
        if self._engine.is_chief and step != self._saved_step and not self._is_kept(step):
            checkpoint.save(self._state.read(session), self._folder, step, self._metadata(step),
                            self._plan.save_max_keep)
        self._saved_step = step

    def require_own_best(self, step):
        """Fails if what is kept as the best would never, or wrongly, give way to a better one."""
        kept = checkpoint.in_folder(self._best_folder)
        if not kept or not self._engine.is_chief or not self._validation:
            return
        best = checkpoint.read_metadata(kept[-1])
        if best['step'] > step:
            raise UserError('%s: is of another run, which came to step %d; move it away, or name '
                            'another --train_path' % (self._best_folder, best['step']))
        if best.get('scored_on', self._validation.digest) != self._validation.digest:
            raise UserError('%s: was the best on other validation images, scales or '
                            '--degradation; move it away, or give those' % self._best_folder)

    def owes_score(self, session, step):
        """Whether a run that was killed saved this step and did not come to keep its score.

        All processes agree with the chief, who alone may see the files.
        """
        owes = False
        if self._engine.is_chief and self._is_kept(step):
            score = (checkpoint.read_metadata(self._prefix(step)) or {}).get('score')
            owes = score is None or score > self._best_score()
        return session.run(self._word, {self._own_word: [owes]})[0] > 0

    def validate(self, session, step, progress):
        """The PSNR over all validation images, to which each process adds its share."""
        self.save(session, step)
        own = self._validation.scores(self._state.averaged_weights(session), progress)
        scores = session.run(self._scores, {self._own_scores: as_numbers(own.tobytes())})
        psnr = self._validation.mean(np.frombuffer(as_bytes(scores)))
        if self._engine.is_chief:
            prefix = self._prefix(step)
            checkpoint.write_metadata(prefix, dict(self._metadata(step), score=psnr,
                                                   scored_on=self._validation.digest))
            if psnr > self._best_score():
                checkpoint.copy(prefix, self._best_folder)
        return psnr

    def _prefix(self, step):
        return os.path.join(self._folder, '%s-%d' % (checkpoint.NAME, step))

    def _is_kept(self, step):
        return self._prefix(step) in checkpoint.in_folder(self._folder)

    def _best_score(self):
        kept = checkpoint.in_folder(self._best_folder)
        return checkpoint.read_metadata(kept[-1])['score'] if kept else -math.inf

    def _metadata(self, step):
        return {
            'model': self._model.name(),
            'hyper_parameters': self._model.hyper_parameters,
            'scales': self._model.scales,
            'step': step,
            'seed': self._plan.seed,
            'recipe': self._plan.recipe,
            'versions': versions(),
            'score': None,
        }
