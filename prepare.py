"""Makes and checks what the loaders read.

prepare.py lr        writes the low-resolution images of --data_truth_path to --output_path
prepare.py crops     cuts --data_truth_path, folders or .zip and .tar archives, into PNG crops
prepare.py tfrecord  cuts them into TFRecord files of crops, for tfrecord_loader
prepare.py h5        makes the h5 file for h5_loader from them
prepare.py pack      packs the images of a loader now, before the training of --model does
prepare.py inspect   says what is in a folder and what is wrong with it
"""
import models
from sr_tf import cli, flags
from sr_tf.data import preparation
from sr_tf.data.archives import find_images
from sr_tf.data.crops import write_crops
from sr_tf.data.pack import open_pack
from sr_tf.data.shards import write_shards
from sr_tf.errors import UsageError
from sr_tf.progress import progress_shower

FLAGS = flags.FLAGS
ALL_SCALES = (2, 3, 4)


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        raise UsageError('prepare.py what? one of: %s' % ', '.join(sorted(COMMANDS)))
    usual = models.find(FLAGS.model).recipe['scales'] if FLAGS.model else ALL_SCALES
    return COMMANDS[arguments[0]](flags.scales(usual))


def make_lr(scales):
    folder = flags.required('output_path')
    loader = flags.loader(scales)
    loader.input_path = None
    done = preparation.write_low_resolution(loader, folder, FLAGS.naming,
                                            progress_shower('making LR'), degradation(scales))
    print('%d low-resolution images in %s' % (done, folder))


def make_crops(_):
    folder = output_folder()
    count = write_crops(sources(), folder, FLAGS.patch_size, stride(), progress_shower('cutting'))
    print('%d crops in %s' % (count, folder))


def make_tfrecord(_):
    folder = output_folder()
    count = write_shards(sources(), folder, FLAGS.patch_size, stride(), FLAGS.num_shards,
                         progress_shower('cutting'))
    print('%d crops in %s' % (count, folder))


def make_h5(scales):
    if len(scales) != 1:
        raise UsageError('--scales: an h5 file is for one scale; name it, such as --scales=2')
    # Here, because HDF5 takes longer to load than the rest of the script to answer.
    from sr_tf.data.h5_file import write_h5
    path = flags.required('output_path')
    count = write_h5(sources(), path, scales[0], FLAGS.eval, progress_shower('making LR'),
                     degradation(scales))
    print('%d pairs at x%d in %s' % (count, scales[0], path))


def degradation(scales):
    if FLAGS.degradation == 'unknown':
        raise UsageError('--degradation=unknown: makes no images; name one that does')
    return flags.degradation(scales) or 'bicubic'


def output_folder():
    folder = flags.required('output_path')
    preparation.require_apart(folder, flags.required('data_truth_path'), '--output_path')
    return folder


def sources():
    return find_images([path for path in flags.required('data_truth_path').split(',') if path])


def stride():
    return FLAGS.stride or FLAGS.patch_size


def pack(scales):
    model = models.find(flags.required('model'))
    result = open_pack(flags.loader(scales), scales, flags.pack_folder(),
                       model.input_is_enlarged, progress_shower('packing'),
                       degradation=flags.degradation(scales) or 'bicubic')
    print('%d images, %.1f MB, in %s' % (len(result.names), result.size / 1e6, result.path))


def inspect(scales):
    findings = preparation.inspect(flags.loader(scales), progress_shower('reading'))
    for line in findings.facts:
        print(line)
    for fault in findings.faults:
        print('fault: %s' % fault)
    print('%d faults' % len(findings.faults) if findings.faults else 'no faults')
    return 1 if findings.faults else 0


COMMANDS = {'lr': make_lr, 'crops': make_crops, 'tfrecord': make_tfrecord, 'h5': make_h5,
            'pack': pack, 'inspect': inspect}

if __name__ == '__main__':
    cli.run(main, flags.define_preparation, __doc__)
