"""The words of a card."""
import textwrap

import models
from sr_tf.scales import in_words
from sr_tf.scoring.published import published

SEEN = {
    'srcnn': """\
Three convolutions on the luma of the bicubic picture; its colours stay bicubic's. It looks 8
pixels far, so it sharpens edges and can do little for texture. The fastest.""",
    'wdsr': """\
Sixteen blocks, on the picture before it is enlarged. The one to take unless there is a reason for
another: it scores best here, in a fraction of BSRN's time.""",
    'bsrn': """\
One block, applied 16 times, for three scales at once; the picture is a mean over what each time
gives. It takes the most time of the three and has had too little training: its authors gave it a
million steps, in which it saw 54 pixels for each that these weights have seen. Start from it, but
enlarge with WDSR.""",
}

MEASURED = """\
PSNR of the luma in dB and SSIM, edges of the scale left out. `mixed` computes in bfloat16, as does
`ensemble`, the mean over eight flips and rotations. What is published was trained for longer and on
other images: SRCNN on ImageNet, WDSR and BSRN on DIV2K."""

SHOWN = """\
From left to right: bicubic, this network, the original; photographs of scikit-image, which were not
among the training images."""

PRECISION = {'mixed': 'mixed precision', 'fp32': 'mixed precision and in the end fp32'}
IMAGES = """\
Images: those of T91 that are large enough for its patches and 380 of BSDS400; BSD100, Set5 and
Set14 were only scored."""

CHOOSING = {'bsrn': 'Five of the other 20 images'}  # for a validation of BSRN takes long
CHOSEN = """\
%s of BSDS400, every twentieth by name, chose the checkpoint:

![PSNR on the images held out, by the step](logs/%s)"""

LIMITS = """\
- Low-resolution images were made by bicubic from clean photographs. Noise and the blocks of strong
  JPEG compression are enlarged as if they belonged to the picture, and blur stays.
- Texture that the small picture does not hold is not invented: grass, hair and fabric stay soft.
- Text, line art and screenshots were not among the images. `--init=pretrained` fine-tunes on such:
  [docs/fine-tuning.md](../docs/fine-tuning.md).
- It is not fit to identify persons or to read what a picture does not show."""


def card(name, metadata, recipes, curve):
    """Markdown about the weights of this name.

    recipes: the files of flags by which they came about, one after the other.
    curve: the picture of the scores that chose the checkpoint, or None where it is the last.
    """
    model = models.find(metadata['model'])(metadata['scales'], **metadata['hyper_parameters'])
    title = '%s for %s, %s.' % (
        model.name().upper(), in_words(model.scales), parameters(model))
    pictures = '\n\n'.join('x%d: ![x%d](pictures/%s_x%d.png)' % (scale, scale, model.name(), scale)
                           for scale in model.scales)
    return '\n\n'.join([
        '# ' + name, title, SEEN[model.name()],
        '## Scores', '\n'.join(scores(model, metadata['scores'])), MEASURED,
        '## Pictures', SHOWN, pictures,
        '## Training', training(recipes, metadata), IMAGES,
        *[CHOSEN % (CHOOSING.get(model.name(), 'The other 20 images'), curve)] * bool(curve),
        '## Not good at', LIMITS]) + '\n'


def parameters(model):
    """How many there are, and how many of them are there for the training alone."""
    if not model.hyper_parameters.get('weight_norm'):
        return '%s parameters' % format(model.parameters, ',')
    plain = type(model)(model.scales, **dict(model.hyper_parameters, weight_norm=False)).parameters
    return ('%s parameters and %s gains of weight normalisation, which exports fold away'
            % (format(plain, ','), format(model.parameters - plain, ',')))


def scores(model, found):
    """A table with a line for each set and scale."""
    ways = [way for way in next(iter(found.values())) if way != 'bicubic']
    heads = ['', 'bicubic'] + ways + ['published']
    yield _line(heads)
    yield '|---' * len(heads) + '|'
    for place, by_way in found.items():
        dataset, _, scale = place.rpartition(' x')
        paper = published(model.name(), dataset, int(scale))
        yield _line([place] + [_score(by_way.get(way)) for way in ['bicubic'] + ways]
                    + ['%.2f' % paper.psnr if paper else ''])


def training(recipes, metadata):
    spent = metadata['training']
    return textwrap.fill(
        'By %s: %s, averaged weights, a learning rate that falls to nothing along a '
        'cosine. %.1f hours of one core (%s, %s, TensorFlow %s), beside what the weights that it '
        'started from had taken, if any.' % (
            in_turn(['`presets/cpu/%s`' % name for name in recipes]),
            PRECISION[metadata['recipe']['precision']], spent['hours'], spent['machine'],
            spent['date'], metadata['versions']['tensorflow']), 100, break_on_hyphens=False)


def in_turn(names):
    *before, last = names
    return '%s and then %s' % (', '.join(before), last) if before else last


def _score(score):
    return '%.2f / %.4f' % (score['psnr'], score['ssim']) if score else ''


def _line(cells):
    return '| %s |' % ' | '.join(cells)
