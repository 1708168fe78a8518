"""The entries of metrics.json: what methods scored on sets."""
from sr_tf.scoring import metrics
from sr_tf.scoring.evaluate import evaluate
from sr_tf.scoring.published import published


def score_set(method, test_set, settings, team, finish=None, progress=None):
    """The entry for a method and a set, the same in each process of the team.

    finish: called with each `Scored` of this process' share, in another thread.
    progress: called as `progress(done)`.
    """
    own = {}
    for done, scored in enumerate(
            evaluate(method, test_set, settings, (team.rank, team.size), finish), 1):
        image = own.setdefault(scored.index, {
            'name': scored.pair.name, 'seconds': scored.seconds,
            'megapixels': scored.hr.shape[0] * scored.hr.shape[1] / 1e6, 'scores': {}})
        image['scores'].update(scored.scores)
        if progress:
            progress(done)
    images = sorted(sum(team.gather(list(own.items())), []), key=lambda item: item[0])
    return summarize(method, test_set, settings, [image for _, image in images])


def summarize(method, test_set, settings, images):
    """Means over all images, those of the first protocol above, and what each image scored."""
    first, others = settings.protocols[0], settings.protocols[1:]

    def means(name):
        scores = [image['scores'][name] for image in images]
        return dict(_means(scores, settings.measures),
                    bicubic=_means([score['bicubic'] for score in scores], settings.measures))

    result = dict({'dataset': test_set.name, 'scale': test_set.scale}, **means(first))
    result['seconds'] = sum(image['seconds'] for image in images)
    result['megapixels'] = sum(image['megapixels'] for image in images)
    _add_published(result, method, test_set, settings)
    if others:
        result['protocols'] = {name: means(name) for name in others}
    outputs = [image['scores'][first].get('outputs', ()) for image in images]
    if len(outputs[0]) > 1:
        result['recursions'] = [
            dict(_means(column, settings.measures), recursion=number)
            for number, column in zip(method.output_numbers, zip(*outputs))]
    result['images'] = [_image(image, first, others) for image in images]
    return result


def rows(runs):
    """(run, entry) of all runs, those of one set and scale together."""
    places = {}
    for run in runs:
        for result in run['results']:
            places.setdefault((result['dataset'], result['scale']), []).append((run, result))
    return [row for place in places.values() for row in place]


def seconds_per_megapixel(result):
    return result['seconds'] / result['megapixels']


def _means(scores, measures):
    """Of finite scores, and how many were infinite, as those of equal pictures are."""
    means = {measure: metrics.mean([score[measure] for score in scores]) for measure in measures}
    values = {measure: mean.value for measure, mean in means.items()}
    return dict(values, infinite=sum(mean.infinite for mean in means.values()))


def _add_published(result, method, test_set, settings):
    """What papers print of the same, where they do."""
    for model, entry in ((method.facts['model'], result), ('bicubic', result['bicubic'])):
        known = published(model, test_set.name, test_set.scale, settings.protocols[0],
                          settings.degradation or 'bicubic')
        if known:
            entry['published'] = known._asdict()


def _image(image, first, others):
    scores = image['scores']
    entry = dict({'name': image['name']}, **scores[first])
    entry['seconds'] = image['seconds']
    entry['megapixels'] = image['megapixels']
    if others:
        entry['protocols'] = {name: scores[name] for name in others}
    return entry
