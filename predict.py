"""Enlarges a picture, or every picture in a folder."""
import os
import sys

from sr_tf import cli, flags
from sr_tf.errors import UserError
from sr_tf.images import files
from sr_tf.progress import ProgressBar
from sr_tf.upscaler import load

FLAGS = flags.FLAGS


def main(arguments):
    cli.refuse_arguments(arguments)
    jobs = list_jobs(flags.required('input_path'), flags.required('output_path'))
    chip = flags.chip()
    upscaler = load(flags.weights_path(), chip, tile=flags.tile(),
                    self_ensemble=FLAGS.self_ensemble, engine=FLAGS.engine,
                    **flags.given_hyper_parameters())
    bar = ProgressBar(len(jobs), label='enlarging')
    failures = []
    for number, (source, target) in enumerate(jobs, 1):
        try:
            picture = upscaler(files.read_rgb(source), FLAGS.scale)
            files.write_png(target, files.to_uint8(picture))
        except UserError as error:
            if error.exit_code == 2:
                raise
            failures.append(str(error))
        bar.update(number, os.path.basename(source))
    bar.close()
    chip.verify()
    for failure in failures:
        print('not enlarged: %s' % failure, file=sys.stderr)
    print('%d of %d pictures enlarged, in %s' % (len(jobs) - len(failures), len(jobs),
                                                 FLAGS.output_path))
    return 1 if failures else 0


def list_jobs(source, target):
    """Pairs of a picture to read and a PNG to write; a folder keeps its structure."""
    if not os.path.isdir(source):
        if os.path.isdir(target):
            target = os.path.join(target, os.path.splitext(os.path.basename(source))[0] + '.png')
        return [(source, target)]
    names = files.find_images(source)
    if not names:
        raise UserError('%s: no images found (%s)' % (source, ', '.join(files.EXTENSIONS)))
    return [(os.path.join(source, name),
             os.path.join(target, os.path.splitext(name)[0] + '.png')) for name in names]


if __name__ == '__main__':
    cli.run(main, flags.define_prediction, __doc__)
