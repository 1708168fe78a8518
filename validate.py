"""Scores a checkpoint on a set of images, beside bicubic."""
import os

from sr_tf import cli, flags
from sr_tf.errors import UsageError
from sr_tf.images.files import write_png
from sr_tf.progress import ProgressBar
from sr_tf.scoring.evaluate import evaluate, summarize
from sr_tf.scoring.files import write_csv, write_json
from sr_tf.scoring.protocols import PROTOCOLS
from sr_tf.scoring.report import write_report
from sr_tf.training.journal import read_curve
from sr_tf.upscaler import load

FLAGS = flags.FLAGS
PICTURES_IN_REPORT = 6  # of each scale: a page with hundreds of photographs opens nowhere


def main(arguments):
    cli.refuse_arguments(arguments)
    chip = flags.chip()
    upscaler = load(flags.weights_path(), chip, tile=flags.tile(),
                    self_ensemble=FLAGS.self_ensemble, engine=FLAGS.engine,
                    **flags.given_hyper_parameters())
    scales = flags.scales(upscaler.scales)
    missing = set(scales) - set(upscaler.scales)
    if missing:
        raise UsageError('--scales=%s: %s is for %s' % (
            ','.join(map(str, scales)), upscaler.checkpoint,
            ', '.join('x%d' % scale for scale in upscaler.scales)))
    loader = flags.loader(scales)
    pictures, results = [], []
    for scale in scales:
        results.append(score_scale(upscaler, loader, scale, pictures))
        print_result(results[-1])
    if FLAGS.report_path:
        write_results(upscaler, results, pictures)
    chip.verify()


def score_scale(upscaler, loader, scale, pictures):
    total = len(loader.pairs())
    shown = set(range(0, total, -(-total // PICTURES_IN_REPORT)))
    bar = ProgressBar(total, label='x%d' % scale)
    scores = []
    dataset = dataset_name(loader)
    scoring = evaluate(upscaler, loader, scale, FLAGS.protocol, FLAGS.intermediate,
                       degradation=flags.degradation([scale]))
    for index, scored in enumerate(scoring):
        scores.append(scored.scores)
        bar.update(index + 1)
        if FLAGS.save_path:
            save_pictures(scored, scale, upscaler.model)
        if FLAGS.report_path and index in shown:
            pictures.append({'dataset': dataset, 'scale': scale, 'name': scored.name,
                             'lr': scored.lr, 'bicubic': scored.bicubic, 'sr': scored.sr,
                             'hr': scored.hr})
    bar.close()
    return summarize(dataset, scale, scores, upscaler.model.output_numbers())


def dataset_name(loader):
    """The folder's name, or its parent's where the folder is just called HR."""
    if not loader.truth_path or not os.path.isdir(loader.truth_path):
        return loader.truth_path or FLAGS.dataloader
    path = os.path.abspath(loader.truth_path)
    return os.path.basename(os.path.dirname(path) if os.path.basename(path) == 'HR' else path)


def save_pictures(scored, scale, model):
    folder = FLAGS.save_path
    if model.combines_outputs:
        folder = os.path.join(folder, 'ensemble')
    write_png(os.path.join(folder, 'x%d' % scale, scored.name + '.png'), scored.sr)
    for number, output in zip(model.output_numbers(), scored.outputs):
        write_png(os.path.join(FLAGS.save_path, 't%d' % number, 'x%d' % scale,
                               scored.name + '.png'), output)


def print_result(result):
    for recursion in result.get('recursions', []):
        print('%s x%d recursion %d: PSNR %.4f dB, SSIM %.4f'
              % (result['dataset'], result['scale'], recursion['recursion'], recursion['psnr'],
                 recursion['ssim']))
    print('%s x%d: PSNR %.4f dB, SSIM %.4f (bicubic %.4f dB, %.4f) on %d images in %.1f s'
          % (result['dataset'], result['scale'], result['psnr'], result['ssim'],
             result['bicubic']['psnr'], result['bicubic']['ssim'], len(result['images']),
             result['seconds']), flush=True)


def write_results(upscaler, results, pictures):
    metrics = {'model': upscaler.model.name(), 'checkpoint': upscaler.checkpoint,
               'protocol': PROTOCOLS[FLAGS.protocol].describe(FLAGS.degradation),
               'results': results}
    write_json(os.path.join(FLAGS.report_path, 'metrics.json'), metrics)
    write_csv(os.path.join(FLAGS.report_path, 'metrics.csv'), results)
    report = os.path.join(FLAGS.report_path, 'report.html')
    run = os.path.dirname(os.path.abspath(upscaler.checkpoint))
    write_report(report, metrics, pictures, read_curve(run))
    print('report: %s' % report)


if __name__ == '__main__':
    cli.run(main, flags.define_scoring, __doc__)
