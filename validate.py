"""Scores networks, and pictures that other tools enlarged, beside bicubic."""
import os

from sr_tf import cli, distributed, flags, pretrained
from sr_tf.data.preparation import require_apart
from sr_tf.distributed.team import Team
from sr_tf.errors import UsageError
from sr_tf.paths import require_writable
from sr_tf.report.page import write_report
from sr_tf.scoring import lines, sets
from sr_tf.scoring.benchmark import Benchmark
from sr_tf.scoring.files import write_csv, write_json
from sr_tf.scoring.methods import Folder, Network, names_of, scales_of
from sr_tf.scoring.protocols import MEASURES
from sr_tf.training.journal import read_curve
from sr_tf.upscaler import load

FLAGS = flags.FLAGS
PLACES = ('save_path', 'report_path')


def main(arguments):
    cli.refuse_arguments(arguments)
    chip = flags.chip()
    team = Team(distributed.start(FLAGS.distributed, chip), chip)
    methods = chosen_methods(chip)
    scales = scales_of(methods, flags.scales())
    summary = summarize(methods, scales) if FLAGS.summary and team.is_chief else []
    if names_images() or not FLAGS.summary:
        score(methods, flags.test_sets(scales), flags.scoring(scales, MEASURES), team, summary)
    else:
        refuse_places()
    team.close()
    chip.verify()


def names_images():
    return any(FLAGS[name].present for name in ('datasets', 'data_truth_path', 'dataloader'))


def refuse_places():
    for flag in PLACES:
        if FLAGS[flag].value:
            raise UsageError('--%s: --summary alone scores nothing; name images, as by '
                             '--data_truth_path' % flag)


def chosen_methods(chip):
    weights, folders = FLAGS.compare or [], FLAGS.sr_path or []
    if FLAGS.restore_path or FLAGS.model_path or FLAGS.model or not weights + folders:
        weights = [flags.weights_path()] + weights
    # A folder may be called like a model.
    names = names_of(weights + [os.path.join('.', folder) for folder in folders])
    networks = [Network(loaded(path, chip), name) for path, name in zip(weights, names)]
    return networks + [Folder(path, name) for path, name in zip(folders, names[len(weights):])]


def loaded(path, chip):
    """An upscaler for each checkpoint that the path stands for."""
    return [load(prefix, chip, tile=flags.tile(), self_ensemble=FLAGS.self_ensemble,
                 engine=FLAGS.engine, hyper_parameters=flags.given_hyper_parameters)
            for prefix in pretrained.checkpoints(path, flags.scales())]


def summarize(methods, scales):
    summary = [method.summary(scale) for method in methods for scale in method.scales or ()
               if scale in scales]
    for entry in summary:
        print(lines.summary(entry))
    return summary


def score(methods, test_sets, settings, team, summary):
    require_places(test_sets)
    benchmark = Benchmark(methods, test_sets, settings, team, FLAGS.save_path,
                          keep=bool(FLAGS.report_path))

    def say(line):
        if team.is_chief:
            print(line, flush=True)

    for test_set in test_sets:
        say(sets.describe(test_set, settings))
    for method, result in benchmark.results():
        for line in lines.lines(method, result, with_name=len(methods) > 1):
            say(line)
    metrics = benchmark.metrics(summary)
    if len(test_sets) * len(methods) > 1:
        say('\n'.join(lines.table(metrics)))
    if team.is_chief and FLAGS.report_path:
        write_files(FLAGS.report_path, metrics, benchmark.pictures())


def require_places(test_sets):
    """Fails now where results could not be written when all is scored."""
    for flag in PLACES:
        if FLAGS[flag].value:
            require_writable(FLAGS[flag].value, '--' + flag)
    for test_set in test_sets:
        if FLAGS.save_path and test_set.loader.reads_below:
            require_apart(FLAGS.save_path, test_set.loader.truth_path, '--save_path')


def write_files(folder, metrics, pictures):
    write_json(os.path.join(folder, 'metrics.json'), metrics)
    write_csv(os.path.join(folder, 'metrics.csv'), metrics)
    report = os.path.join(folder, 'report.html')
    run = os.path.dirname(os.path.abspath(metrics['checkpoint']))
    write_report(report, metrics, pictures, read_curve(run))
    print('report: %s' % report)


if __name__ == '__main__':
    cli.run(main, flags.define_scoring, __doc__)
