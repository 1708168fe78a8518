"""Several methods on several sets: their scores, and what a report shows of them."""
import itertools
import os

from sr_tf.images.files import to_uint8
from sr_tf.progress import ProgressBar
from sr_tf.scoring import pictures
from sr_tf.scoring.evaluate import read_one, require_room, shown_source, workload
from sr_tf.scoring.paired import compare
from sr_tf.scoring.protocols import PROTOCOLS
from sr_tf.scoring.results import score_set


class Benchmark:
    """Scores each method on each of the sets whose scale it knows.

    save_path: where all enlarged pictures go, or None.
    keep: whether `pictures` will be wanted.
    """

    def __init__(self, methods, test_sets, settings, team, save_path=None, keep=False):
        self._methods = methods
        self._test_sets = test_sets
        self._settings = settings
        self._team = team
        self._save_path = save_path
        self._gallery = pictures.Gallery() if keep else None
        self._results = {}

    def results(self):
        """Yields (method, its entry of metrics.json for a set), one after the other."""
        self._require_all()
        for test_set in self._test_sets:
            for method in self._methods_for(test_set):
                result = self._results[method, test_set] = self._score(method, test_set)
                yield method, result

    def metrics(self, summary=()):
        """What metrics.json says of all results; `summary` is that of the methods, if wanted."""
        described = {name: PROTOCOLS[name].describe(self._settings.degradation)
                     for name in self._settings.protocols}
        runs = [dict(method.facts, name=method.name, results=[
            self._results[method, test_set] for test_set in self._test_sets
            if (method, test_set) in self._results]) for method in self._methods]
        metrics = {key: runs[0][key] for key in ('model', 'checkpoint', 'results')}
        metrics['protocol'] = described[self._settings.protocols[0]]
        if summary:
            metrics['summary'] = summary
        if len(described) > 1:
            metrics['protocols'] = described
        if len(runs) > 1:
            metrics['runs'] = runs
            metrics['comparisons'] = list(self._comparisons())
        return metrics

    def pictures(self):
        """Yields what a report shows: a few images of each set, as all methods enlarge them."""
        for test_set in self._test_sets:
            methods = list(self._methods_for(test_set))
            for index in pictures.shown(self._results[methods[0], test_set]['images']):
                pair, lr, bicubic, hr = read_one(test_set, self._settings, index)
                yield {'dataset': test_set.name, 'scale': test_set.scale, 'name': pair.name,
                       'lr': lr, 'bicubic': bicubic, 'hr': hr,
                       'sr': {self._label(method): self._enlarged(method, test_set, index, pair,
                                                                 lr) for method in methods}}

    def _label(self, method):
        """A single method needs no name to be told from bicubic."""
        return method.name if len(self._methods) > 1 else 'SR'

    def _require_all(self):
        """Fails now, and not after hours, where an image is too small or a picture is missing."""
        for test_set in self._test_sets:
            require_room(test_set, self._settings)
            for method in self._methods_for(test_set):
                method.enlarger(test_set, shown_source(self._settings))

    def _methods_for(self, test_set):
        return [method for method in self._methods
                if method.scales is None or test_set.scale in method.scales]

    def _score(self, method, test_set):
        first = self._settings.protocols[0]

        def finish(scored):
            if first not in scored.scores:
                return
            if self._save_path:
                pictures.save(self._folder(method, test_set), method, test_set.scale, scored)
            if self._gallery:
                self._gallery.keep((method, test_set, scored.index), scored.sr)

        total = workload(test_set, self._settings, (self._team.rank, self._team.size))
        bar = ProgressBar(total, label='%s x%d' % (test_set.name, test_set.scale))
        try:
            return score_set(method, test_set, self._settings, self._team, finish, bar.update)
        finally:
            bar.close()

    def _folder(self, method, test_set):
        """Where its pictures are saved; of several methods or sets each has a folder."""
        parts = [self._save_path]
        if len(self._methods) > 1:
            parts.append(method.name)
        if len({one.name for one in self._test_sets}) > 1:
            parts.append(test_set.name)
        return os.path.join(*parts)

    def _enlarged(self, method, test_set, index, pair, lr):
        """A picture that was not kept is enlarged again."""
        kept = self._gallery.get((method, test_set, index))
        if kept is not None:
            return kept
        enlarge = method.enlarger(test_set, shown_source(self._settings))
        return to_uint8(enlarge([pair], [lr])[0])

    def _comparisons(self):
        """Every method against the first, on the sets that both were scored on."""
        baseline = self._methods[0]
        for method, test_set in itertools.product(self._methods[1:], self._test_sets):
            results = [self._results.get((one, test_set)) for one in (method, baseline)]
            if all(results):
                for measure in ('psnr', 'ssim'):
                    own, its = ([image[measure] for image in result['images']]
                                for result in results)
                    yield dict({'dataset': test_set.name, 'scale': test_set.scale,
                                'name': method.name, 'against': baseline.name,
                                'measure': measure}, **compare(own, its)._asdict())
