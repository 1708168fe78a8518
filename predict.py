"""Enlarges pictures: a file, all in a folder, those that a pattern matches, or standard input."""
import os
import sys

from sr_tf import cli, flags
from sr_tf.enlarging.meter import Meter
from sr_tf.enlarging.pipeline import Pipeline
from sr_tf.enlarging.places import STANDARD, list_jobs
from sr_tf.enlarging.streams import read_standard_input, reserved_standard_output
from sr_tf.upscaler import load

FLAGS = flags.FLAGS


def main(arguments):
    cli.refuse_arguments(arguments)
    jobs = list_jobs(flags.required('input_path'), flags.required('output_path'), FLAGS.format)
    missing = [job for job in jobs if not (FLAGS.skip_existing and os.path.isfile(job.target))]
    if FLAGS.output_path == STANDARD:
        with reserved_standard_output() as output:
            ended = enlarge(missing, output)
    else:
        ended = enlarge(missing) if missing else []
        print_result(ended, len(jobs) - len(missing))
    return 1 if any(work.error for work in ended) else 0


def enlarge(jobs, standard_output=None):
    """The `Work` of each job, after it ended."""
    chip = flags.chip()
    upscaler = load(flags.weights_path(), chip, tile=flags.tile(),
                    self_ensemble=FLAGS.self_ensemble, engine=FLAGS.engine, scale=FLAGS.scale,
                    hyper_parameters=flags.given_hyper_parameters)
    scale = upscaler.require_scale(FLAGS.scale)
    standard_input = read_standard_input() if FLAGS.input_path == STANDARD else None
    ended = []
    meter = Meter(scale)
    pipeline = Pipeline(
        upscaler, scale, FLAGS.batch, FLAGS.quality, FLAGS.max_megapixels, FLAGS.keep_truncated,
        standard_input, standard_output, meter.show)
    try:
        ended.extend(pipeline.run(jobs))
    finally:
        meter.close()
        print_remarks(ended)
    chip.verify()
    return ended


def print_remarks(ended):
    for work in ended:
        for remark in work.remarks:
            print('note: %s: %s' % (work.job.source, remark), file=sys.stderr)
    for work in ended:
        if work.error:
            print('not enlarged: %s' % work.error, file=sys.stderr)


def print_result(ended, there):
    print('%d of %d pictures enlarged, in %s%s' % (
        sum(not work.error for work in ended), len(ended), FLAGS.output_path,
        ', where %d were before' % there if there else ''))


if __name__ == '__main__':
    cli.run(main, flags.define_prediction, __doc__)
