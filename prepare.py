"""Makes and checks what the loaders read.

prepare.py lr       writes the low-resolution images of --data_truth_path to --output_path
prepare.py pack     packs the images of a loader now, before training does
prepare.py inspect  says what is in a folder and what is wrong with it
"""
from sr_tf import cli, flags
from sr_tf.data import preparation
from sr_tf.data.pack import open_pack
from sr_tf.errors import UsageError
from sr_tf.progress import ProgressBar

FLAGS = flags.FLAGS
ALL_SCALES = (2, 3, 4)


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        raise UsageError('prepare.py what? one of: %s' % ', '.join(sorted(COMMANDS)))
    return COMMANDS[arguments[0]](flags.scales(ALL_SCALES))


def make_lr(scales):
    folder = flags.required('output_path')
    loader = flags.loader(scales)
    loader.input_path = None
    done = preparation.write_low_resolution(loader, folder, FLAGS.naming, progress('making LR'))
    print('%d low-resolution images in %s' % (done, folder))


def pack(scales):
    result = open_pack(flags.loader(scales), scales, flags.pack_folder(),
                       progress=progress('packing'))
    print('%d images, %.1f MB, in %s' % (len(result.names), result.size / 1e6, result.path))


def inspect(scales):
    findings = preparation.inspect(flags.loader(scales), progress('reading'))
    for line in findings.facts:
        print(line)
    for fault in findings.faults:
        print('fault: %s' % fault)
    print('%d faults' % len(findings.faults) if findings.faults else 'no faults')
    return 1 if findings.faults else 0


def progress(label):
    bar = []

    def show(done, total):
        if not bar:
            bar.append(ProgressBar(total, label=label))
        bar[0].update(done)
        if done == total:
            bar[0].close()

    return show


COMMANDS = {'lr': make_lr, 'pack': pack, 'inspect': inspect}

if __name__ == '__main__':
    cli.run(main, flags.define_preparation, __doc__)
