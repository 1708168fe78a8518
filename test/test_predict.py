"""predict.py: each kind of picture, what belongs to it, and what users get wrong."""
import collections
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from absl import flags
from PIL import Image, ImageCms
from random_networks import make_model, make_upscaler

import predict
from sr_tf import cli
from sr_tf import flags as definitions
from sr_tf.compat import tf
from sr_tf.images import resize
from sr_tf.network import Network
from sr_tf.upscaler import Upscaler

FAILURE, USAGE = 1, 2
HEIGHT, WIDTH = 11, 14  # not square, so that they cannot be mixed up
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()

Result = collections.namedtuple('Result', 'returncode stdout stderr')


class Nothing(Network):
    """Leaves SRCNN with the bicubic image that it is given."""

    def images(self, batch, scale):
        return batch


@pytest.fixture(scope='module')
def upscaler():
    loaded = make_upscaler('bsrn', 2, 3, checkpoint='random.ckpt')
    yield loaded
    loaded.close()


@pytest.fixture(scope='module')
def bicubic():
    return Upscaler(make_model('srcnn', 2), Nothing())


@pytest.fixture
def run(monkeypatch, capfdbinary, upscaler):
    """`run('--flag=value', ...)` runs predict.py in this process, at x2 and on a small network.

    With `stdin=bytes` and `upscaler=another`, if need be.
    """
    def run(source, target, *words, **options):
        known = set(flags.FLAGS)
        chosen = options.get('upscaler', upscaler)
        monkeypatch.setattr(predict, 'load', lambda *_, **__: chosen)
        monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(options.get('stdin', b''))))
        monkeypatch.setattr(sys, 'argv', [
            'predict.py', '--restore_path=random', '--chip=cpu', '--scale=2',
            '--input_path=%s' % source, '--output_path=%s' % target] + list(words))
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as end:
            try:
                cli.run(predict.main, definitions.define_prediction, predict.__doc__)
            finally:
                for name in set(flags.FLAGS) - known:
                    delattr(flags.FLAGS, name)
                flags.FLAGS.unparse_flags()
        stdout, stderr = capfdbinary.readouterr()
        return Result(end.value.code, stdout, stderr.decode())

    return run


@pytest.fixture
def enlarge(run):
    """Runs predict.py and asserts that it says nothing but that it went well."""
    def enlarge(source, target, *words, **options):
        result = run(source, target, *words, **options)
        assert (result.returncode, result.stderr) == (0, '')
        return result

    return enlarge


def refused(result, code, *words):
    """The single line on stderr, which holds all the words and is no surprise to the program."""
    assert result.returncode == code, result.stderr
    line, = result.stderr.splitlines()
    assert '--debug shows where' not in line
    for word in words:
        assert str(word) in line
    return line


def random_samples(channels, dtype=np.uint8, seed=0):
    peak = np.iinfo(dtype).max
    draw = np.random.RandomState(seed)
    return draw.randint(0, peak + 1, (HEIGHT, WIDTH, channels)).astype(dtype)


def near(mask):
    """The mask, and what is at most two pixels from it."""
    rows, columns = (np.arange(length) for length in mask.shape)
    reached = np.zeros_like(mask)
    for row, column in zip(*np.nonzero(mask)):
        reached |= (abs(rows - row) <= 2)[:, np.newaxis] & (abs(columns - column) <= 2)
    return reached


def split(samples):
    """The colours and the alpha of samples, or None without it."""
    if samples.shape[2] in (1, 3):
        return samples, None
    return samples[..., :-1], samples[..., -1]


def save(path, samples, **options):
    """By Pillow, which makes the folder's names say what they hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples).save(
        str(path), **options)


def computed(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def png_of_tensorflow(samples):
    with tf.Graph().as_default():
        return computed(tf.image.encode_png(samples))


def read_deep(path):
    """Samples `[H, W, C]` of 16 bits, by programs other than ours."""
    if str(path).endswith('.png'):
        with tf.Graph().as_default():
            return computed(tf.image.decode_png(path.read_bytes(), dtype=tf.uint16))
    samples = tifffile.imread(str(path))
    return samples if samples.ndim == 3 else samples[..., np.newaxis]


def read_by_pillow(path):
    with Image.open(str(path)) as image:
        samples = np.asarray(image)
    return samples if samples.ndim == 3 else samples[..., np.newaxis]


def contents(folder):
    """Maps the paths of all files below a folder to what is in them."""
    return {str(path.relative_to(str(folder))): path.read_bytes()
            for path in Path(str(folder)).rglob('*') if path.is_file()}


def lzw(data):
    """As TIFF has it, without compressing: the table is cleared before codes need more bits."""
    clear, end, most = 256, 257, 250
    codes = []
    for start in range(0, len(data), most):
        codes += [clear] + list(bytearray(data[start:start + most]))
    bits = ''.join(format(code, '09b') for code in codes + [end])
    bits += '0' * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, 'big')


def tiff(samples, photometric=2, compression=1, extra=(), order='<', data=None, more=()):
    """A TIFF file of one strip, its directory in front; `more` are (tag, type, values)."""
    data = data or samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    height, width, channels = samples.shape
    entries = [(256, 3, [width]), (257, 3, [height]), (258, 3, [8 * samples.itemsize] * channels),
               (259, 3, [compression]), (262, 3, [photometric]), (273, 4, [0]),
               (277, 3, [channels]), (278, 3, [height]), (279, 4, [len(data)])]
    entries = sorted(entries + ([(338, 3, list(extra))] if extra else []) + list(more))
    place = 8 + 2 + 12 * len(entries) + 4
    values, directory = b'', struct.pack(order + 'H', len(entries))
    for tag, kind, numbers in entries:
        packed = struct.pack('%s%d%s' % (order, len(numbers), {3: 'H', 4: 'I'}[kind]), *numbers)
        if len(packed) > 4:
            values += packed
            packed = struct.pack(order + 'I', place + len(values) - len(packed))
        directory += struct.pack(order + 'HHI', tag, kind, len(numbers)) + packed.ljust(4, b'\0')
    directory = directory.replace(struct.pack(order + 'HHII', 273, 4, 1, 0),
                                  struct.pack(order + 'HHII', 273, 4, 1, place + len(values)))
    magic = b'II*\0' if order == '<' else b'MM\0*'
    return magic + struct.pack(order + 'I', 8) + directory + bytes(4) + values + data


def by_pillow(channels, **options):
    def write(path):
        samples = random_samples(channels)
        save(path, samples, **options)
        return split(samples)

    return write


def deep_png(channels):
    def write(path):
        samples = random_samples(channels, np.uint16)
        path.write_bytes(png_of_tensorflow(samples))
        return split(samples)

    return write


def deep_tiff(channels, **options):
    def write(path):
        samples = random_samples(channels, np.uint16)
        path.write_bytes(tiff(samples, photometric=1 if channels < 3 else 2, **options))
        return split(samples)

    return write


def deep_lzw_tiff(path):
    samples = random_samples(3, np.uint16)
    path.write_bytes(tiff(samples, compression=5, data=lzw(samples.astype('<u2').tobytes())))
    return split(samples)


def planar_tiff(path):
    samples = random_samples(4, np.uint16)
    tifffile.imwrite(str(path), np.moveaxis(samples, -1, 0), photometric='rgb', compression='zlib',
                     planarconfig='separate', extrasamples=['unassalpha'])
    return split(samples)


def premultiplied_tiff(dtype):
    def write(path):
        samples = random_samples(4, dtype)
        samples[0, 0, 3] = 0
        peak = np.iinfo(dtype).max
        alpha = samples[..., 3:].astype(np.float64)
        samples[..., :3] = np.rint(samples[..., :3] * alpha / peak)
        path.write_bytes(tiff(samples, extra=[1]))
        colours = np.floor(samples[..., :3].astype(np.float64) * peak / np.maximum(alpha, 1) + 0.5)
        return np.clip(colours, 0, peak).astype(dtype), samples[..., 3]

    return write


def palette(path):
    image = Image.fromarray(random_samples(3)).quantize(7)
    image.save(str(path))
    return np.asarray(image.convert('RGB')), None


def transparent_palette(path):
    samples = random_samples(3)
    samples[:, :5] = 0
    image = Image.fromarray(samples).quantize(7)
    image.save(str(path), transparency=image.getpixel((0, 0)))
    hidden = np.asarray(image) == image.getpixel((0, 0))
    return np.asarray(image.convert('RGB')), np.where(hidden, 0, 255)


def transparent_colour(path):
    samples = random_samples(3)
    save(path, samples, transparency=tuple(int(value) for value in samples[2, 5]))
    return samples, np.where(np.all(samples == samples[2, 5], axis=2), 0, 255)


def deep_transparent_colour(path):
    samples = random_samples(3, np.uint16)
    key = struct.pack('>3H', *samples[2, 5])
    chunk = struct.pack('>I', 6) + b'tRNS' + key + struct.pack('>I', zlib.crc32(b'tRNS' + key))
    encoded = png_of_tensorflow(samples)
    place = encoded.index(b'IDAT') - 4
    path.write_bytes(encoded[:place] + chunk + encoded[place:])
    return samples, np.where(np.all(samples == samples[2, 5], axis=2), 0, 65535)


def black_and_white(path):
    bits = random_samples(1) > 127
    Image.fromarray(bits[..., 0]).save(str(path))
    return bits * np.uint8(255), None


def grey_tiff_with_white_zero(path):
    samples = random_samples(1, np.uint16)
    path.write_bytes(tiff(samples, photometric=0))
    return 65535 - samples, None


def smooth(channels):
    """JPEG and Pillow's way from CMYK leave little of noise."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([100 + 8 * rows, 60 + 9 * columns, 200 - 8 * rows,
                      2 * columns][:channels]).astype(np.uint8)


def jpeg(channels):
    def write(path):
        save(path, smooth(channels), quality=100, subsampling=0)
        return smooth(channels), None

    return write


def cmyk_jpeg(with_marker):
    def write(path):
        inks = smooth(4)
        encoded = io.BytesIO()
        Image.frombytes('CMYK', (WIDTH, HEIGHT), inks.tobytes()).save(
            encoded, 'JPEG', quality=100, subsampling=0)
        data = encoded.getvalue()
        start = data.index(b'\xff\xee')
        assert data[start + 4:start + 9] == b'Adobe'
        if not with_marker:
            # Without Adobe's marker inks are what they say they are.
            inks = 255 - inks
            data = data[:start] + data[start + 16:]
        path.write_bytes(data)
        inks = inks.astype(np.float64)
        return (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255, None

    return write


# The name of the file, what writes it and returns the pixels and the alpha that it has, and the
# most by which lossy compression may change them.
SOURCES = {
    'PNG, grey': ('a.png', by_pillow(1), 0),
    'PNG, grey and alpha': ('a.png', by_pillow(2), 0),
    'PNG, RGB': ('a.png', by_pillow(3), 0),
    'PNG, RGBA': ('a.png', by_pillow(4), 0),
    'PNG, black and white': ('a.png', black_and_white, 0),
    'PNG, palette': ('a.png', palette, 0),
    'PNG, palette with a transparent colour': ('a.png', transparent_palette, 0),
    'PNG, a transparent colour': ('a.png', transparent_colour, 0),
    'PNG, 16 bits, grey': ('a.png', deep_png(1), 0),
    'PNG, 16 bits, grey and alpha': ('a.png', deep_png(2), 0),
    'PNG, 16 bits, RGB': ('a.png', deep_png(3), 0),
    'PNG, 16 bits, RGBA': ('a.png', deep_png(4), 0),
    'PNG, 16 bits, a transparent colour': ('a.png', deep_transparent_colour, 0),
    'JPEG, grey': ('a.jpg', jpeg(1), 2),
    'JPEG, RGB': ('a.JPEG', jpeg(3), 4),
    'JPEG, CMYK of Adobe': ('a.jpg', cmyk_jpeg(True), 4),
    'JPEG, CMYK': ('a.jpg', cmyk_jpeg(False), 4),
    'WebP, RGB': ('a.webp', by_pillow(3, lossless=True), 0),
    'WebP, RGBA': ('a.webp', by_pillow(4, lossless=True, exact=True), 0),
    'BMP': ('a.bmp', by_pillow(3), 0),
    'BMP, grey': ('a.bmp', by_pillow(1), 0),
    'TIFF, grey and alpha': ('a.tif', by_pillow(2), 0),
    'TIFF, RGBA, LZW': ('a.tiff', by_pillow(4, compression='tiff_lzw'), 0),
    'TIFF, premultiplied': ('a.tif', premultiplied_tiff(np.uint8), 0),
    'TIFF, 16 bits, grey': ('a.tif', deep_tiff(1), 0),
    'TIFF, 16 bits, white is 0': ('a.tif', grey_tiff_with_white_zero, 0),
    'TIFF, 16 bits, grey and alpha': ('a.tif', deep_tiff(2, extra=[2]), 0),
    'TIFF, 16 bits, RGB, big-endian': ('a.tif', deep_tiff(3, order='>'), 0),
    'TIFF, 16 bits, RGB, LZW': ('a.tif', deep_lzw_tiff, 0),
    'TIFF, 16 bits, RGBA': ('a.tif', deep_tiff(4, extra=[2]), 0),
    'TIFF, 16 bits, RGBA in planes': ('a.tif', planar_tiff, 0),
    'TIFF, 16 bits, premultiplied': ('a.tif', premultiplied_tiff(np.uint16), 0),
}


@pytest.mark.parametrize('kind', sorted(SOURCES))
def test_each_kind_of_picture(enlarge, bicubic, tmp_path, kind):
    name, write, loss = SOURCES[kind]
    pixels, alpha = write(tmp_path / name)
    enlarge(tmp_path / name, tmp_path / 'big.png', upscaler=bicubic)

    is_deep = pixels.dtype == np.uint16
    result = (read_deep if is_deep else read_by_pillow)(tmp_path / 'big.png')
    colours, result_alpha = split(result)
    assert result.dtype == (np.uint16 if is_deep else np.uint8)
    assert result.shape == (2 * HEIGHT, 2 * WIDTH, pixels.shape[2] + (alpha is not None))
    wanted = resize.upscale(pixels.astype(result.dtype), 2).astype(np.float64)
    if alpha is not None:
        # What lies below transparent pixels is no picture.
        clear = ~near(alpha == 0).repeat(2, 0).repeat(2, 1)
        assert clear.any()
        colours, wanted = colours[clear], wanted[clear]
        np.testing.assert_array_equal(result_alpha, resize.upscale(alpha.astype(result.dtype), 2))
    np.testing.assert_allclose(colours, wanted, rtol=0, atol=loss)
