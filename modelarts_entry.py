"""A training job on ModelArts: data in from --data_url, results out to --train_url."""
import json
import os
import signal
import sys
import time

from absl import flags as absl_flags

from sr_tf import cli, flags
from sr_tf.chips import npu
from sr_tf.distributed.place import Place
from sr_tf.errors import UserError
from sr_tf.jobs import data_folder, processes, speed, stores
from sr_tf.jobs.cache import Cache
from sr_tf.jobs.mirror import Mirror

FLAGS = flags.FLAGS
HERE = os.path.dirname(os.path.abspath(__file__))
# What of training's flags scoring needs as well.
SHARED = ('chip', 'precision', 'cuda_device', 'scales', 'degradation', 'npu_precision_mode',
          'npu_option', 'npu_fusion_switch_file')
OWN = ('data_url', 'train_url', 'mode', 'cache_path', 'upload_seconds', 'platform')
STEPS_FOR_SPEED = 300


def define():
    absl_flags.DEFINE_string('data_url', None, 'The images: obs://bucket/folder, or a folder.')
    absl_flags.DEFINE_string('train_url', None, 'Where the run is kept: obs://bucket/folder, or a '
                             'folder. If there is a run, it is continued.')
    absl_flags.DEFINE_enum('mode', 'acc', ('acc', 'perf'), 'Train fully and score, or train %d '
                           'steps for the speed alone.' % STEPS_FOR_SPEED)
    absl_flags.DEFINE_string('cache_path', None, 'The local folder for all that is copied. '
                             'Default: /cache, or one for temporary files where there is none.')
    absl_flags.DEFINE_float('upload_seconds', 60, 'Seconds between two uploads of what is new.',
                            lower_bound=0.1)
    flags.define_training()


def main(arguments):
    began = time.monotonic()
    cli.refuse_arguments(arguments)
    for name in ('data_url', 'train_url', 'model'):
        flags.required(name)
    cache = Cache(FLAGS.cache_path)
    run = FLAGS.train_path if FLAGS['train_path'].present else cache.place('run', FLAGS.train_url)
    stores.require_apart(run, FLAGS.train_url)
    mirror = Mirror(run, stores.open_store('train_url', FLAGS.train_url))
    with cache.locked():
        data = cache.data('data_url', FLAGS.data_url)
        mirror.fetch()
    training, scoring = scripts(data, run, os.path.join(cache.path, 'packs'))
    if npu.plugin():
        # Otherwise the plug-in does not say that it compiled the network, which is looked for.
        os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '0')

    if Place.from_environment().rank > 0:
        return processes.run(training)
    with mirror.in_background(FLAGS.upload_seconds):
        code = processes.run(training) or (scoring and processes.run(scoring))
        # Whoever has less patience than the rest of the upload takes has SIGKILL.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    upload_the_rest(mirror, code)
    if not code:
        print_results(run, time.monotonic() - began)
    return code


def scripts(data, run, packs):
    """The commands that train and that score, the latter None where --mode does not want it."""
    given = {name: FLAGS[name].value for name in
             data_folder.FLAGS + data_folder.VALID_FLAGS + ('degradation',) if FLAGS[name].present}
    training = dict(data_folder.for_training(data, given), train_path=run,
                    pack_path=FLAGS.pack_path or packs)
    if FLAGS.mode == 'perf':
        if not (FLAGS.max_steps or FLAGS.num_epochs):
            training['max_steps'] = STEPS_FOR_SPEED
        return script('train.py', set(FLAGS) - set(OWN), training), None
    # By one rank, for the others have ended.
    scoring = dict(data_folder.for_validation(data, given), restore_path=run, distributed='none',
                   report_path=os.path.join(run, 'report'))
    return (script('train.py', set(FLAGS) - set(OWN), training),
            script('validate.py', SHARED, scoring))


def script(name, passed_on, values):
    """A command with those flags passed on that were given, and then these values."""
    given = [argument for flag in sorted(passed_on) if FLAGS[flag].present
             for argument in FLAGS[flag].serialize().splitlines()]
    return ([sys.executable, '-u', os.path.join(HERE, name)] + given
            + data_folder.as_arguments(values))


def upload_the_rest(mirror, code):
    try:
        mirror.finish()
    except UserError as error:
        if not code:
            raise
        print('modelarts_entry.py: error: %s' % error, file=sys.stderr)


def print_results(run, seconds):
    """The lines that ModelArts looks for; images per second are those of all devices together."""
    measured = speed.measure(run)
    if measured:
        print('Final Performance images/sec : %.3f' % measured[0])
        print('Final Performance sec/step : %.6f' % measured[1])
    if FLAGS.mode == 'acc':
        with open(os.path.join(run, 'report', 'metrics.json')) as file:
            print('Final Train Accuracy : %.4f' % json.load(file)['results'][-1]['psnr'])
    print('E2E Training Duration sec : %d' % round(seconds))


if __name__ == '__main__':
    cli.run(main, define, __doc__)
