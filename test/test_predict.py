"""predict.py: each kind of picture, what belongs to it, and what users get wrong."""
import collections
import io
import os
import struct
import subprocess
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
from sr_tf.chips import memory
from sr_tf.compat import tf
from sr_tf.data.ahead import computed_ahead
from sr_tf.enlarging.pipeline import Pipeline
from sr_tf.enlarging.places import Job
from sr_tf.errors import UserError
from sr_tf.images import resize
from sr_tf.images.files import read_rgb, read_size
from sr_tf.images.formats import FORMATS
from sr_tf.network import Network
from sr_tf.progress import ProgressBar
from sr_tf.upscaler import Upscaler

FAILURE, USAGE = 1, 2
HEIGHT, WIDTH = 11, 14  # not square, so that they cannot be mixed up
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()

Result = collections.namedtuple('Result', 'returncode stdout stderr loaded_with')


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
        loaded_with = {}

        def load(*_, **keywords):
            loaded_with.update(keywords)
            return options.get('upscaler', upscaler)

        monkeypatch.setattr(predict, 'load', load)
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
        return Result(end.value.code, stdout, stderr.decode(), loaded_with)

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
        return computed(tf.image.encode_png(tf.constant(samples)))


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


def png_chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def png_of_chunks(*chunks):
    return b'\x89PNG\r\n\x1a\n' + b''.join(png_chunk(*chunk) for chunk in chunks)


def deep_transparent_colour(path):
    samples = random_samples(3, np.uint16)
    chunk = png_chunk(b'tRNS', struct.pack('>3H', *samples[2, 5]))
    encoded = png_of_tensorflow(samples)
    place = encoded.index(b'IDAT') - 4
    path.write_bytes(encoded[:place] + chunk + encoded[place:])
    return samples, np.where(np.all(samples == samples[2, 5], axis=2), 0, 65535)


def black_and_white(path):
    bits = random_samples(1) > 127
    Image.fromarray(bits[..., 0]).save(str(path))
    return bits * np.uint8(255), None


def few_greys(depth, transparent):
    """A PNG of so many bits a pixel, one of whose greys, on the left, is transparent."""
    def write(path):
        greys = random_samples(1)[..., 0] >> 8 - depth
        greys[:, 5:][greys[:, 5:] == transparent] = 0
        bits = [''.join(format(grey, '0%db' % depth) for grey in row) for row in greys]
        rows = [int(row, 2) << -len(row) % 8 for row in bits]
        length = -(-WIDTH * depth // 8)
        pixels = b''.join(b'\0' + row.to_bytes(length, 'big') for row in rows)
        path.write_bytes(png_of_chunks(
            (b'IHDR', struct.pack('>IIBBBBB', WIDTH, HEIGHT, depth, 0, 0, 0, 0)),
            (b'tRNS', struct.pack('>H', transparent)), (b'IDAT', zlib.compress(pixels)),
            (b'IEND', b'')))
        step = 255 // (2 ** depth - 1)
        return (greys * step)[..., np.newaxis].astype(np.uint8), np.where(
            greys == transparent, 0, 255)

    return write


def bmp_of_sixteen_bits(path):
    """Five, six and five bits for red, green and blue."""
    greys = random_samples(1)[..., 0] >> 3
    packed = (greys.astype('<u2') << 11 | greys.astype('<u2') << 6 | greys)[::-1]
    stride = -(-2 * WIDTH // 4) * 4
    data = b''.join(row.astype('<u2').tobytes().ljust(stride, b'\0') for row in packed)
    header = struct.pack('<IiiHHIIiiII', 40, WIDTH, HEIGHT, 1, 16, 3, len(data), 0, 0, 0, 0)
    masks = struct.pack('<III', 0xF800, 0x7E0, 0x1F)
    path.write_bytes(b'BM' + struct.pack('<IHHI', 66 + len(data), 0, 0, 66) + header + masks + data)
    with Image.open(str(path)) as image:
        return np.asarray(image.convert('RGB')), None


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
    'PNG, 1 bit, transparent white': ('a.png', few_greys(1, 1), 0),
    'PNG, 2 bits, a transparent grey': ('a.png', few_greys(2, 2), 0),
    'PNG, 4 bits, a transparent grey': ('a.png', few_greys(4, 15), 0),
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
    'BMP, 16 bits for all three': ('a.bmp', bmp_of_sixteen_bits, 0),
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


def one_of_two(**options):
    def write(path):
        first, second = random_samples(3), random_samples(3, seed=1)
        Image.fromarray(first).save(str(path), save_all=True,
                                    append_images=[Image.fromarray(second)], **options)
        return first

    return write


def tiff_with_surplus_channels(path):
    samples = random_samples(6)
    samples[..., 4] |= 1
    path.write_bytes(tiff(samples, extra=[0, 2, 0]))
    return samples[..., [0, 1, 2, 4]]


def tiff_with_a_mask(dtype):
    """A channel of no kind, in the compression that Pillow reads."""
    def write(path):
        samples = random_samples(4, dtype)
        data = lzw(samples.astype(samples.dtype.newbyteorder('<')).tobytes())
        path.write_bytes(tiff(samples, compression=5, data=data, extra=[0]))
        return samples[..., :3]

    return write


@pytest.mark.parametrize('name, write, note', [
    ('a.tif', one_of_two(), 'has 2 pages; the first was taken'),
    ('a.png', one_of_two(), 'has 2 frames; the first was taken'),
    ('a.webp', one_of_two(lossless=True), 'has 2 frames; the first was taken'),
    ('a.tif', tiff_with_surplus_channels,
     'has channels beside colours and transparency, which were left out (2)'),
    ('a.tif', tiff_with_a_mask(np.uint8),
     'has channels beside colours and transparency, which were left out (1)'),
    ('a.tif', tiff_with_a_mask(np.uint16),
     'has channels beside colours and transparency, which were left out (1)')])
def test_what_is_left_out_of_a_picture(run, bicubic, tmp_path, name, write, note):
    taken = write(tmp_path / name)
    result = run(tmp_path / name, tmp_path / 'big.png', upscaler=bicubic)
    assert (result.returncode, result.stderr) == (0, 'note: %s: %s\n' % (tmp_path / name, note))
    read = read_deep if taken.dtype == np.uint16 else read_by_pillow
    np.testing.assert_array_equal(read(tmp_path / 'big.png'), resize.upscale(taken, 2))


def deep_rgba():
    samples = random_samples(4, np.uint16)
    samples[..., 3] |= 1  # nothing is so transparent that its colour is none
    return samples


class TestFormats:
    """What is written, read by other programs."""

    @pytest.mark.parametrize('suffix', ['.png', '.tif'])
    @pytest.mark.parametrize('channels', [3, 4])
    def test_sixteen_bits_are_those_of_the_float_result(self, enlarge, upscaler, tmp_path,
                                                        channels, suffix):
        samples = deep_rgba()[..., :channels]
        (tmp_path / 'a.png').write_bytes(png_of_tensorflow(samples))
        enlarge(tmp_path / 'a.png', tmp_path / ('big' + suffix))
        result = read_deep(tmp_path / ('big' + suffix))
        exact = upscaler(samples[..., :3], 2)
        assert exact.dtype == np.float32
        inside = (exact > 0) & (exact < 65535)
        assert np.mean(inside) > 0.9
        np.testing.assert_array_equal(result[..., :3], np.rint(np.clip(exact, 0, 65535)))
        assert np.unique(result[..., :3] % 257).size > 200  # which 8 bits could not hold

    @pytest.mark.parametrize('channels', [1, 2, 3, 4])
    @pytest.mark.parametrize('suffix', ['.png', '.tif', '.webp', '.bmp', '.jpg'])
    def test_eight_bits(self, enlarge, bicubic, tmp_path, channels, suffix):
        samples = random_samples(channels)
        samples = smooth(3)[..., :channels] if channels in (1, 3) else samples
        if channels in (2, 4):
            samples[..., -1] = 255 if suffix in ('.bmp', '.jpg') else samples[..., -1] | 1
        save(tmp_path / 'a.png', samples)
        enlarge(tmp_path / 'a.png', tmp_path / ('big' + suffix), '--quality=100',
                upscaler=bicubic)
        result = read_by_pillow(tmp_path / ('big' + suffix))
        wanted = resize.upscale(samples, 2)
        if suffix == '.webp' and channels < 3:  # which knows no grey
            wanted = np.dstack([wanted[..., :1]] * 3 + [wanted[..., 1:]])
        if suffix in ('.bmp', '.jpg') and channels in (2, 4):
            wanted = wanted[..., :-1]
        assert result.shape == wanted.shape
        np.testing.assert_allclose(result, wanted.astype(float), atol=4 * (suffix == '.jpg'))

    @pytest.mark.parametrize('suffix', ['.jpg', '.webp', '.bmp'])
    def test_sixteen_bits_are_rounded_where_the_format_has_eight(self, enlarge, bicubic, tmp_path,
                                                                 suffix):
        samples = smooth(3) * np.uint16(257) + np.uint16(100)
        (tmp_path / 'a.png').write_bytes(png_of_tensorflow(samples))
        enlarge(tmp_path / 'a.png', tmp_path / ('big' + suffix), '--quality=100',
                upscaler=bicubic)
        np.testing.assert_allclose(
            read_by_pillow(tmp_path / ('big' + suffix)), resize.upscale(samples, 2) / 257.0,
            atol=0.51 + 3 * (suffix == '.jpg'))

    def test_quality(self, enlarge, tmp_path):
        save(tmp_path / 'a.png', random_samples(3))
        for suffix in ('jpg', 'webp'):
            sizes = []
            for quality in (20, 95):
                enlarge(tmp_path / 'a.png', tmp_path / ('big.' + suffix),
                        '--quality=%d' % quality)
                sizes.append((tmp_path / ('big.' + suffix)).stat().st_size)
            assert sizes[0] < 0.7 * sizes[1]

    def test_the_name_decides_or_the_flag_or_else_the_picture(self, enlarge, tmp_path):
        save(tmp_path / 'in' / 'a.jpg', smooth(3))
        save(tmp_path / 'in' / 'b.tif', smooth(3))
        enlarge(tmp_path / 'in', tmp_path / 'same')
        enlarge(tmp_path / 'in', tmp_path / 'flag', '--format=webp')
        enlarge(tmp_path / 'in' / 'a.jpg', tmp_path / 'name.BMP')
        found = {name: Image.open(str(tmp_path / name)).format for name in (
            'same/a.jpg', 'same/b.tif', 'flag/a.webp', 'flag/b.webp', 'name.BMP')}
        assert list(found.values()) == ['JPEG', 'TIFF', 'WEBP', 'WEBP', 'BMP']

    def test_many_rows_and_strips(self, enlarge, bicubic, tmp_path):
        """More than the writers take at once."""
        samples = np.random.RandomState(0).randint(0, 65536, (75, 5, 3)).astype(np.uint16)
        (tmp_path / 'a.png').write_bytes(png_of_tensorflow(samples))
        for name in ('big.png', 'big.tif'):
            enlarge(tmp_path / 'a.png', tmp_path / name, upscaler=bicubic)
            np.testing.assert_array_equal(read_deep(tmp_path / name), resize.upscale(samples, 2))


class TestTransparency:
    def disc(self, dtype):
        """White, and not quite round; around it transparent black."""
        rows, columns = np.mgrid[:40, :46]
        inside = np.clip(15.5 - np.hypot(rows - 19.3, columns - 22.1), 0, 1)
        peak = np.iinfo(dtype).max
        alpha = np.rint(inside * peak).astype(dtype)
        return np.dstack([np.where(alpha > 0, peak, 0).astype(dtype)] * 3 + [alpha])

    @pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
    def test_a_white_disc_has_no_dark_fringe(self, enlarge, bicubic, tmp_path, dtype):
        disc = self.disc(dtype)
        (tmp_path / 'a.png').write_bytes(png_of_tensorflow(disc))
        enlarge(tmp_path / 'a.png', tmp_path / 'big.png', upscaler=bicubic)
        result = (read_deep if dtype == np.uint16 else read_by_pillow)(tmp_path / 'big.png')
        shown = result[result[..., 3] > 0]
        peak = np.iinfo(dtype).max
        assert shown[..., :3].min() == peak
        # Without that care it would have: this test can fail.
        assert resize.upscale(disc, 2)[result[..., 3] > 0][..., :3].min() < 0.9 * peak

    def test_what_is_opaque_stays_so(self, enlarge, tmp_path):
        disc = self.disc(np.uint8)
        disc[..., :3] = np.random.RandomState(0).randint(0, 256, disc.shape[:2] + (3,))
        save(tmp_path / 'a.png', disc)
        enlarge(tmp_path / 'a.png', tmp_path / 'big.png')
        alpha = read_by_pillow(tmp_path / 'big.png')[..., 3]
        inside, outside = (~near(alpha_is).repeat(2, 0).repeat(2, 1)
                           for alpha_is in (disc[..., 3] < 255, disc[..., 3] > 0))
        assert inside.any() and (alpha[inside] == 255).all()
        assert outside.any() and (alpha[outside] == 0).all()

    def test_opaque_pixels_are_those_of_the_picture_without_alpha(self, enlarge, upscaler,
                                                                  tmp_path):
        samples = random_samples(4)
        samples[..., 3] = 255
        save(tmp_path / 'a.png', samples)
        enlarge(tmp_path / 'a.png', tmp_path / 'big.png')
        result = read_by_pillow(tmp_path / 'big.png')
        assert (result[..., 3] == 255).all()
        np.testing.assert_array_equal(
            result[..., :3], np.rint(np.clip(upscaler(samples[..., :3], 2), 0, 255)))


# By Pillow, of which EXIF reading and writing is independent of ours.
X_RESOLUTION, Y_RESOLUTION, UNIT = 282, 283, 296
ORIENTATION, MAKE, EXIF, PHOTO_WIDTH, PHOTO_HEIGHT, MAKER_NOTE, TITLE = (
    274, 271, 34665, 40962, 40963, 37500, 270)
THUMBNAIL = b'\xff\xd8 a thumbnail of the small picture \xff\xd9'


def exif_block(orientation=1, order='<'):
    """With a thumbnail, a maker's note and the sizes of the picture."""
    def directory(place, entries, following=0):
        values = b''
        packed = struct.pack(order + 'H', len(entries))
        for tag, kind, data in entries:
            size = {2: 1, 3: 2, 4: 4, 7: 1}[kind]
            count = len(data) // size
            if len(data) > 4:
                values += data
                data = struct.pack(
                    order + 'I', place + 6 + 12 * len(entries) + len(values) - len(data))
            packed += struct.pack(order + 'HHI', tag, kind, count) + data.ljust(4, b'\0')
        return packed + struct.pack(order + 'I', following) + values

    def short(value):
        return struct.pack(order + 'H', value)

    def long(value):
        return struct.pack(order + 'I', value)

    first = [(MAKE, 2, b'Camera maker\0'), (ORIENTATION, 3, short(orientation))]
    place_of_photo = 8 + len(directory(8, first + [(EXIF, 4, long(0))]))
    photo = directory(place_of_photo, [
        (MAKER_NOTE, 7, b'only its maker knows'), (PHOTO_WIDTH, 4, long(WIDTH)),
        (PHOTO_HEIGHT, 3, short(HEIGHT))])
    place_of_last = place_of_photo + len(photo)
    place_of_thumbnail = place_of_last + len(directory(0, [(513, 4, long(0)), (514, 4, long(0))]))
    last = directory(place_of_last, [(513, 4, long(place_of_thumbnail)),
                                     (514, 4, long(len(THUMBNAIL)))])
    magic = b'II*\0' if order == '<' else b'MM\0*'
    return (magic + long(8) + directory(8, first + [(EXIF, 4, long(place_of_photo))],
                                        place_of_last) + photo + last + THUMBNAIL)


def written(path):
    """What Pillow finds: (EXIF tags, those of the photo, profile, resolution)."""
    with Image.open(str(path)) as image:
        image.load()
        found = image.getexif()
        return dict(found), found.get_ifd(EXIF), image.info.get('icc_profile'), image.info.get(
            'dpi')


def ink_profile():
    """A profile of CMYK by which black ink alone counts; where it should not be asked, all is 0."""
    def table(*lightness):
        matrix, ramp = 65536 * np.eye(3), bytes(range(256))
        return (b'mft1' + bytes(4) + bytes([4, 3, 2, 0]) + matrix.astype('>i4').tobytes()
                + 4 * ramp + b''.join(bytes([value, 128, 128]) for value in lightness) + 3 * ramp)

    white = struct.pack('>3i', 63190, 65536, 54061)
    tags = {b'desc': struct.pack('>4s4xI4s78x', b'desc', 4, b'ink'),
            b'cprt': struct.pack('>4s4x8s', b'text', b'nobody'),
            b'wtpt': b'XYZ ' + bytes(4) + white,
            b'A2B0': table(*16 * [0]), b'A2B1': table(*8 * [255, 0])}
    directory, data = struct.pack('>I', len(tags)), b''
    for name, tag in tags.items():
        place = 128 + 4 + 12 * len(tags) + len(data)
        directory += struct.pack('>4sII', name, place, len(tag))
        data += tag + bytes(-len(tag) % 4)
    header = struct.pack('>I4xI12s6H4s28x12s48x', 128 + len(directory) + len(data), 0x02400000,
                         b'prtrCMYKLab ', 2020, 1, 1, 0, 0, 0, b'acsp', white)
    return header + directory + data


class TestWhatBelongsToAPicture:
    @pytest.mark.parametrize('order', ['<', '>'])
    @pytest.mark.parametrize('source', ['jpg', 'png', 'webp', 'tif'])
    @pytest.mark.parametrize('target', ['jpg', 'png', 'webp', 'tif'])
    def test_profile_exif_and_resolution_are_carried_over(self, enlarge, tmp_path, source, target,
                                                          order):
        save(tmp_path / ('a.' + source), smooth(3), icc_profile=PROFILE, dpi=(300, 240),
             exif=b'Exif\0\0' + exif_block(order=order))
        enlarge(tmp_path / ('a.' + source), tmp_path / ('big.' + target))

        first, photo, profile, dpi = written(tmp_path / ('big.' + target))
        assert profile == PROFILE
        if 'webp' not in (source, target):  # which has none but in EXIF
            assert dpi == pytest.approx((300, 240), abs=0.02)
        assert first[MAKE] == 'Camera maker'
        assert (photo[PHOTO_WIDTH], photo[PHOTO_HEIGHT]) == (2 * WIDTH, 2 * HEIGHT)
        assert photo[MAKER_NOTE] == b'only its maker knows'
        assert b'a thumbnail of' in (tmp_path / ('a.' + source)).read_bytes() or source == 'tif'
        assert b'a thumbnail of' not in (tmp_path / ('big.' + target)).read_bytes()

    @pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif', '.webp'])
    @pytest.mark.parametrize('orientation', range(1, 9))
    def test_orientation(self, enlarge, bicubic, tmp_path, orientation, suffix):
        path = tmp_path / ('a' + suffix)
        block = Image.Exif()
        block[ORIENTATION] = orientation
        save(path, smooth(3), exif=block, **({} if suffix == '.png' else {'quality': 100}))
        enlarge(path, tmp_path / ('big' + suffix), '--quality=100', upscaler=bicubic)
        with Image.open(str(path)) as image:
            decoded = np.asarray(image.convert('RGB'))
        if suffix == '.tif':
            decoded = smooth(3)  # Pillow turns TIFF files itself.
        how = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM,
               5: Image.TRANSPOSE, 6: Image.ROTATE_270, 7: Image.TRANSVERSE,
               8: Image.ROTATE_90}.get(orientation)
        upright = Image.fromarray(decoded)
        upright = np.asarray(upright if how is None else upright.transpose(how))
        assert written(tmp_path / ('big' + suffix))[0].get(ORIENTATION, 1) == 1
        np.testing.assert_allclose(read_by_pillow(tmp_path / ('big' + suffix)),
                                   resize.upscale(upright, 2).astype(float),
                                   atol=4 * (suffix == '.jpg'))
        # Training sees the same.
        np.testing.assert_array_equal(read_rgb(str(path)), upright)
        assert read_size(str(path)) == upright.shape[:2]

    @pytest.mark.parametrize('orientation', [3, 6])
    @pytest.mark.parametrize('compression', [1, 5])
    def test_orientation_with_sixteen_bits(self, enlarge, bicubic, tmp_path, orientation,
                                           compression):
        samples = random_samples(3, np.uint16)
        data = lzw(samples.tobytes()) if compression == 5 else None
        (tmp_path / 'a.tif').write_bytes(tiff(
            samples, compression=compression, data=data,
            more=[(ORIENTATION, 3, [orientation])]))
        enlarge(tmp_path / 'a.tif', tmp_path / 'big.tif', upscaler=bicubic)
        upright = np.rot90(samples, {3: 2, 6: 3}[orientation])
        np.testing.assert_array_equal(read_deep(tmp_path / 'big.tif'), resize.upscale(upright, 2))

    def test_damaged_exif_data_is_left_out(self, enlarge, tmp_path):
        for number, block in enumerate((exif_block()[:30], b'no such thing')):
            save(tmp_path / 'a.jpg', smooth(3), exif=b'Exif\0\0' + block)
            enlarge(tmp_path / 'a.jpg', tmp_path / 'big.jpg')
            assert written(tmp_path / 'big.jpg')[0] == {}, number

    def test_exif_data_beyond_what_a_jpeg_file_holds_is_left_out(self, enlarge, tmp_path):
        block = Image.Exif()
        block[TITLE] = 'long' * 2 ** 14
        save(tmp_path / 'a.png', smooth(3), exif=block)
        for name, held in (('big.jpg', False), ('big.png', True)):
            enlarge(tmp_path / 'a.png', tmp_path / name)
            assert (TITLE in written(tmp_path / name)[0]) == held

    @pytest.mark.parametrize('suffix', ['.jpg', '.tif'])
    def test_the_resolution_of_a_picture_on_its_side(self, enlarge, tmp_path, suffix):
        block = Image.Exif()
        block.update({ORIENTATION: 6, X_RESOLUTION: 300.0, Y_RESOLUTION: 150.0, UNIT: 2})
        save(tmp_path / ('a' + suffix), smooth(3), dpi=(300, 150), exif=block.tobytes())
        enlarge(tmp_path / ('a' + suffix), tmp_path / 'big.jpg')
        tags, _, _, dpi = written(tmp_path / 'big.jpg')
        assert dpi == pytest.approx((150, 300), abs=0.02)
        if suffix == '.jpg':
            assert (tags[X_RESOLUTION], tags[Y_RESOLUTION]) == (150, 300)

    def test_an_orientation_that_is_none(self, enlarge, tmp_path):
        block = Image.Exif()
        block.update({ORIENTATION: 9, X_RESOLUTION: 300.0, Y_RESOLUTION: 150.0, UNIT: 2})
        save(tmp_path / 'a.jpg', smooth(3), dpi=(300, 150), exif=block.tobytes())
        enlarge(tmp_path / 'a.jpg', tmp_path / 'big.jpg')
        tags, _, _, dpi = written(tmp_path / 'big.jpg')
        assert dpi == pytest.approx((300, 150), abs=0.02)
        assert (tags[X_RESOLUTION], tags[Y_RESOLUTION]) == (300, 150)

    def test_a_resolution_of_a_strange_type_is_left_out(self, enlarge, tmp_path):
        (tmp_path / 'a.tif').write_bytes(tiff(random_samples(3), more=[
            (X_RESOLUTION, 3, [300]), (Y_RESOLUTION, 3, [300, 1]), (UNIT, 3, [2, 2])]))
        enlarge(tmp_path / 'a.tif', tmp_path / 'big.png')
        assert written(tmp_path / 'big.png')[3] is None

    def test_a_resolution_that_cannot_be_one_is_left_out(self, enlarge, tmp_path):
        save(tmp_path / 'a.bmp', random_samples(3))
        data = bytearray((tmp_path / 'a.bmp').read_bytes())
        data[38:42] = struct.pack('<I', 2 ** 32 - 1)
        (tmp_path / 'a.bmp').write_bytes(data)
        enlarge(tmp_path / 'a.bmp', tmp_path / 'big.png')
        assert written(tmp_path / 'big.png')[3] is None

    @pytest.mark.parametrize('name, options, loss', [
        ('a.jpg', {'quality': 100}, 4), ('a.tif', {}, 2),
        ('a.tif', {'compression': 'tiff_lzw'}, 2)])
    def test_inks_are_mixed_by_their_profile_which_then_is_gone(self, enlarge, tmp_path, name,
                                                                options, loss):
        inks = np.roll(smooth(4), 1, axis=2)
        Image.frombytes('CMYK', (WIDTH, HEIGHT), inks.tobytes()).save(
            str(tmp_path / name), icc_profile=ink_profile(), **options)
        lightness = 100 - inks[..., 3:] / 2.55
        luminance = ((lightness + 16) / 116) ** 3
        grey = 255 * (1.055 * luminance ** (1 / 2.4) - 0.055)
        np.testing.assert_allclose(read_rgb(str(tmp_path / name)), np.repeat(grey, 3, axis=2),
                                   rtol=0, atol=loss)
        enlarge(tmp_path / name, tmp_path / 'big.png')
        assert written(tmp_path / 'big.png')[2] is None

    def test_a_profile_of_other_colours_mixes_no_inks(self, enlarge, tmp_path):
        Image.frombytes('CMYK', (WIDTH, HEIGHT), smooth(4).tobytes()).save(
            str(tmp_path / 'a.jpg'), icc_profile=PROFILE)
        with Image.open(str(tmp_path / 'a.jpg')) as image:
            mixed = np.asarray(image.convert('RGB'))
        np.testing.assert_array_equal(read_rgb(str(tmp_path / 'a.jpg')), mixed)
        enlarge(tmp_path / 'a.jpg', tmp_path / 'big.png')
        assert written(tmp_path / 'big.png')[2] is None

    def test_deep_inks_with_alpha(self, run, bicubic, tmp_path):
        """Both are reduced to 8 bits, the alpha by its value and not by its last byte."""
        samples = random_samples(5, np.uint16)
        samples[..., :4], samples[..., 4] = 0, 32768
        (tmp_path / 'a.tif').write_bytes(tiff(samples, photometric=5, extra=[2]))
        result = run(tmp_path / 'a.tif', tmp_path / 'big.png', upscaler=bicubic)
        refused(result, 0, 'note', '16 bits a channel of CMYK')
        assert (read_by_pillow(tmp_path / 'big.png') == (255, 255, 255, 128)).all()


class TestWhereThingsGo:
    def test_a_folder_keeps_its_structure(self, enlarge, tmp_path):
        for name in ('in/a.png', 'in/sub/b.jpg', 'in/sub/deep/c.TIF'):
            save(tmp_path / name, random_samples(3))
        (tmp_path / 'in' / 'notes.txt').write_text('not a picture')
        result = enlarge(tmp_path / 'in', tmp_path / 'out')
        assert set(contents(tmp_path / 'out')) == {'a.png', 'sub/b.jpg', 'sub/deep/c.TIF'}
        assert result.stdout.decode() == '3 of 3 pictures enlarged, in %s\n' % (tmp_path / 'out')

    @pytest.mark.parametrize('pattern, found', [
        ('in/*.jpg', {'b.jpg', 'c.jpg'}), ('in/**/*.jpg', {'b.jpg', 'c.jpg', 'sub/d.jpg'}),
        ('in/[ab].*', {'a.png', 'b.jpg'}), ('*/sub/*', {'in/sub/d.jpg'})])
    def test_a_pattern(self, enlarge, tmp_path, pattern, found):
        for name in ('in/a.png', 'in/b.jpg', 'in/c.jpg', 'in/sub/d.jpg'):
            save(tmp_path / name, random_samples(3))
        enlarge(tmp_path / pattern, tmp_path / 'out')
        assert set(contents(tmp_path / 'out')) == found

    def test_a_name_that_looks_like_a_pattern(self, enlarge, tmp_path):
        save(tmp_path / 'a[1].png', random_samples(3))
        enlarge(tmp_path / 'a[1].png', tmp_path / 'big.png')
        assert (tmp_path / 'big.png').exists()

    @pytest.mark.parametrize('target, written', [
        ('there', 'there/a.png'), ('new', 'new/a.png'), ('v1.2/', 'v1.2/a.png'),
        ('big.png', 'big.png'), ('there/big.png', 'there/big.png')])
    def test_one_picture(self, enlarge, tmp_path, target, written):
        save(tmp_path / 'a.png', random_samples(3))
        (tmp_path / 'there').mkdir()
        enlarge(tmp_path / 'a.png', '%s/%s' % (tmp_path, target))
        assert set(contents(tmp_path)) == {'a.png', written}

    def test_standard_input_to_standard_output(self, enlarge, upscaler, tmp_path):
        samples = random_samples(3, np.uint16)
        result = enlarge('-', '-', stdin=png_of_tensorflow(samples))
        (tmp_path / 'big.png').write_bytes(result.stdout)
        np.testing.assert_array_equal(
            read_deep(tmp_path / 'big.png'), np.rint(np.clip(upscaler(samples, 2), 0, 65535)))

    def test_what_else_is_said_goes_to_standard_error(self, run, upscaler, tmp_path):
        def chatty(_, images, *rest):
            os.write(1, b'a library says this')
            return upscaler.enlarge_all(images, *rest)

        talking = type('Talking', (), {'require_scale': upscaler.require_scale,
                                       'enlarge_all': chatty})()
        save(tmp_path / 'a.tif', random_samples(3))
        result = run(tmp_path / 'a.tif', '-', upscaler=talking)
        assert result.returncode == 0
        assert Image.open(io.BytesIO(result.stdout)).format == 'TIFF'
        assert result.stdout[:4] in (b'II*\0', b'MM\0*')
        assert result.stderr == 'a library says this'

    def test_standard_input_to_a_file_of_another_format(self, enlarge, tmp_path):
        enlarge('-', tmp_path / 'big.jpg', stdin=png_of_tensorflow(smooth(3)))
        assert Image.open(str(tmp_path / 'big.jpg')).format == 'JPEG'

    def test_an_output_folder_inside_of_the_input_folder(self, run, tmp_path):
        save(tmp_path / 'a.png', random_samples(3))
        first = run(tmp_path, tmp_path / 'big')
        second = run(tmp_path, tmp_path / 'big')
        assert (first.returncode, first.stderr) == (0, '')
        assert set(contents(tmp_path)) == {'a.png', 'big/a.png'}
        refused(second, 0, 'note', tmp_path / 'big', 'is inside of', '1 pictures')

    def test_what_exists_is_skipped(self, enlarge, tmp_path):
        for name in 'abc':
            save(tmp_path / 'in' / (name + '.png'), random_samples(3))
        (tmp_path / 'out').mkdir()
        (tmp_path / 'out' / 'b.png').write_text('precious')
        result = enlarge(tmp_path / 'in', tmp_path / 'out', '--skip_existing')
        assert result.stdout.decode().startswith('2 of 2 pictures enlarged')
        assert (tmp_path / 'out' / 'b.png').read_text() == 'precious'
        before = contents(tmp_path)
        result = enlarge(tmp_path / 'in', tmp_path / 'out', '--skip_existing')
        assert result.stdout.decode() == (
            '0 of 0 pictures enlarged, in %s, where 3 were before\n' % (tmp_path / 'out'))
        assert contents(tmp_path) == before
        enlarge(tmp_path / 'in', tmp_path / 'out')
        assert (tmp_path / 'out' / 'b.png').read_bytes() == before['out/a.png']


    def test_the_longest_names_there_are(self, enlarge, tmp_path):
        name = 125 * 'ä' + '.png'
        save(tmp_path / name, random_samples(3))
        enlarge(tmp_path / name, tmp_path / 'out' / name)
        assert set(contents(tmp_path / 'out')) == {name}


@pytest.mark.parametrize('words, expected', [
    ([], {'tile': 'auto', 'self_ensemble': False, 'engine': None}),
    (['--tile=64', '--self_ensemble', '--engine=onnxruntime'],
     {'tile': 64, 'self_ensemble': True, 'engine': 'onnxruntime'}),
    (['--tile=none'], {'tile': 0, 'self_ensemble': False, 'engine': None})])
def test_the_network_is_loaded_as_the_flags_say(enlarge, tmp_path, words, expected):
    save(tmp_path / 'a.png', random_samples(3))
    result = enlarge(tmp_path / 'a.png', tmp_path / 'big.png', *words)
    assert result.loaded_with == dict(
        expected, scale=2, hyper_parameters=definitions.given_hyper_parameters)


class TestBatches:
    def test_pictures_of_one_size_are_computed_together(self, enlarge, upscaler, tmp_path):
        sizes = {'a': (9, 7), 'b': (7, 9), 'c': (9, 7), 'd': (9, 7), 'e': (7, 9), 'f': (9, 7)}
        for name, (height, width) in sizes.items():
            save(tmp_path / 'in' / (name + '.png'), random_samples(3)[:height, :width])
        batches = []

        class Counting:
            require_scale = upscaler.require_scale

            def enlarge_all(self, images, *rest):
                batches.append([image.shape[:2] for image in images])
                return upscaler.enlarge_all(images, *rest)

        enlarge(tmp_path / 'in', tmp_path / 'one')
        enlarge(tmp_path / 'in', tmp_path / 'three', '--batch=3', upscaler=Counting())
        assert batches == [2 * [(7, 9)], 3 * [(9, 7)], [(9, 7)]]
        for name in sizes:
            one, three = (read_by_pillow(tmp_path / folder / (name + '.png')).astype(int)
                          for folder in ('one', 'three'))
            assert np.abs(one - three).max() <= 1


class TestBadInput:
    def alone(self, run, tmp_path, name, *words):
        """The line about a picture that is not enlarged; nothing is written."""
        before = contents(tmp_path)
        result = run(tmp_path / name, tmp_path / 'out.png')
        assert contents(tmp_path) == before
        return refused(result, FAILURE, 'not enlarged', tmp_path / name, *words)

    def test_what_is_not_an_image(self, run, tmp_path):
        for name, data in (('zip.png', b'PK\3\4' + bytes(100)), ('empty.jpg', b''),
                           ('text.tif', b'not a picture'), ('pdf.png', b'%!PS-Adobe-3.0')):
            (tmp_path / name).write_bytes(data)
            self.alone(run, tmp_path, name, 'not an image')
        self.alone(run, tmp_path, 'no.png', 'no such file')

    def test_what_no_network_takes(self, run, tmp_path):
        tifffile.imwrite(str(tmp_path / 'float.tif'), np.zeros((5, 6, 3), np.float32),
                         photometric='rgb')
        self.alone(run, tmp_path, 'float.tif', '8 or 16 bits')
        Image.new('I', (3, 4)).save(str(tmp_path / 'long.tif'))
        self.alone(run, tmp_path, 'long.tif', '8 or 16 bits')

    @pytest.mark.parametrize('suffix', ['png', 'jpg', 'webp', 'tif', 'bmp'])
    def test_half_of_a_picture(self, run, bicubic, tmp_path, suffix):
        path = tmp_path / ('a.' + suffix)
        samples = np.random.RandomState(0).randint(0, 256, (64, 48, 3)).astype(np.uint8)
        even = slice(32, 64) if suffix == 'bmp' else slice(32)  # BMP begins at the bottom
        samples[even] = 200
        save(path, samples, **({'quality': 100} if suffix in ('jpg', 'webp') else {}))
        path.write_bytes(path.read_bytes()[:int(0.6 * path.stat().st_size)])
        assert 'not an image' not in self.alone(run, tmp_path, path.name)
        result = run(path, tmp_path / 'big.png', '--keep_truncated', upscaler=bicubic)
        if suffix == 'webp':  # whose decoder gives all or nothing
            refused(result, FAILURE, path)
        else:
            refused(result, 0, 'note', path, 'damaged or truncated')
            result = read_by_pillow(tmp_path / 'big.png')
            kept = result[72:] if suffix == 'bmp' else result[:40]
            assert np.abs(kept.astype(int) - 200).max() < 9

    def test_half_of_a_picture_with_sixteen_bits(self, run, tmp_path):
        samples = np.random.RandomState(0).randint(0, 65536, (64, 48, 3)).astype(np.uint16)
        for name, data in (('a.png', png_of_tensorflow(samples)), ('a.tif', tiff(samples))):
            (tmp_path / name).write_bytes(data[:len(data) // 2])
            self.alone(run, tmp_path, name, 'truncated')

    def test_tiny_and_narrow_pictures(self, enlarge, bicubic, tmp_path):
        for height, width in ((1, 1), (1, 5), (3, 20000), (20000, 3)):
            samples = np.random.RandomState(0).randint(0, 256, (height, width, 4)).astype(np.uint8)
            samples[..., 3] = 255 * (samples[..., 3] > 127)
            save(tmp_path / 'a.png', samples)
            enlarge(tmp_path / 'a.png', tmp_path / 'big.png', upscaler=bicubic)
            assert read_by_pillow(tmp_path / 'big.png').shape == (2 * height, 2 * width, 4)
            enlarge(tmp_path / 'a.png', tmp_path / 'big.tif')
            assert read_by_pillow(tmp_path / 'big.tif').shape == (2 * height, 2 * width, 4)

    def test_a_picture_with_more_pixels_than_expected(self, run, enlarge, tmp_path):
        (tmp_path / 'bomb.png').write_bytes(png_of_chunks(
            (b'IHDR', struct.pack('>IIBBBBB', 60000, 30000, 8, 2, 0, 0, 0)),
            (b'IDAT', zlib.compress(bytes(1000))), (b'IEND', b'')))
        self.alone(run, tmp_path, 'bomb.png', '60000x30000', '1800 megapixels', '256',
                   '--max_megapixels')
        Image.new('L', (1100, 1000)).save(str(tmp_path / 'a.png'))
        result = run(tmp_path / 'a.png', tmp_path / 'big.png', '--max_megapixels=1')
        refused(result, FAILURE, 'a.png', '1100x1000')
        enlarge(tmp_path / 'a.png', tmp_path / 'big.png', '--max_megapixels=2')

    def test_a_result_that_does_not_fit_into_the_memory(self, run, monkeypatch, tmp_path):
        save(tmp_path / 'a.png', random_samples(3))
        monkeypatch.setattr(memory, 'available', lambda: 1000)
        self.alone(run, tmp_path, 'a.png', 'GB of memory')

    def test_what_a_format_cannot_hold(self, run, enlarge, tmp_path):
        save(tmp_path / 'clear.png', random_samples(4))
        save(tmp_path / 'long.png', random_samples(3)[:1].repeat(600, 1))
        for name, target, words in (('clear.png', 'a.jpg', 'transparent'),
                                    ('clear.png', 'a.bmp', 'transparent'),
                                    ('long.png', 'a.webp', '16383')):
            refused(run(tmp_path / name, tmp_path / target), FAILURE, name, words, '--format=png')
        enlarge(tmp_path / 'long.png', tmp_path / 'a.jpg')

    def test_a_bad_picture_does_not_stop_the_others(self, run, tmp_path):
        for name in ('a.png', 'b.png', 'd.png'):
            save(tmp_path / 'in' / name, random_samples(3))
        (tmp_path / 'in' / 'b.png').write_bytes(b'PK')
        (tmp_path / 'in' / 'c.png').write_bytes((tmp_path / 'in' / 'd.png').read_bytes()[:200])
        (tmp_path / 'out' / 'd.png').mkdir(parents=True)
        result = run(tmp_path / 'in', tmp_path / 'out')
        assert result.returncode == FAILURE
        assert set(contents(tmp_path / 'out')) == {'a.png'}
        assert result.stdout.decode().startswith('1 of 4 pictures enlarged')
        first, second, third = result.stderr.splitlines()
        for line, words in ((first, ('b.png', 'not an image')), (second, ('c.png', 'truncated')),
                            (third, ('out/d.png', 'is a folder'))):
            assert line.startswith('not enlarged: ')
            assert all(word in line for word in words)

    def test_two_pictures_for_one_name(self, run, tmp_path):
        save(tmp_path / 'in' / 'a.png', random_samples(3))
        save(tmp_path / 'in' / 'a.jpg', random_samples(3))
        result = run(tmp_path / 'in', tmp_path / 'out', '--format=png')
        refused(result, FAILURE, 'in/a.png', 'in/a.jpg', 'out/a.png')
        assert not (tmp_path / 'out').exists()

    def test_results_in_place_of_the_pictures(self, run, tmp_path):
        save(tmp_path / 'in' / 'a.png', random_samples(3))
        before = contents(tmp_path)
        (tmp_path / 'link').symlink_to(tmp_path / 'in')
        folder = tmp_path / 'in'
        for source, target in ((folder, folder), (folder, tmp_path / 'link'),
                               (folder / '*.png', folder), (folder / 'a.png', folder),
                               (folder / 'a.png', folder / 'a.png')):
            refused(run(source, target), FAILURE, 'give another --output_path')
        (tmp_path / 'link').unlink()
        assert contents(tmp_path) == before

    def test_flags_that_make_no_sense(self, run, tmp_path):
        save(tmp_path / 'in' / 'a.png', random_samples(3))
        save(tmp_path / 'in' / 'b.png', random_samples(3))
        folder, picture = tmp_path / 'in', tmp_path / 'in' / 'a.png'
        for source, target, more, words in (
                (folder, '-', [], 'one picture'), ('-', 'out', [], 'name of a file'),
                (picture, 'a.gif', [], '.webp'), (picture, 'a.png', ['--format=jpg'], '--format'),
                (folder, 'out.png', [], 'folder'), (picture, 'a.png', ['--quality=0'], 'quality'),
                (picture, 'a.png', ['--format=gif'], 'format'),
                (picture, 'a.png', ['--batch=0'], 'batch')):
            refused(run(source, target, *more), USAGE, words)

    def test_a_file_in_place_of_the_folder(self, run, tmp_path):
        save(tmp_path / 'in' / 'a.png', random_samples(3))
        (tmp_path / 'out').write_text('mine')
        for source, target in ((tmp_path / 'in' / 'a.png', tmp_path / 'out'),
                               (tmp_path / 'in', tmp_path / 'out' / 'deeper')):
            refused(run(source, target), FAILURE, tmp_path / 'out', 'is a file', '--output_path')
        assert (tmp_path / 'out').read_text() == 'mine'

    @pytest.mark.parametrize('width', [(3, [0]), (3, [3, 3]), (4, [0])])
    def test_a_tiff_whose_size_is_none(self, run, tmp_path, width):
        data = tiff(random_samples(3))
        data = data.replace(struct.pack('<HHIHH', 256, 3, 1, WIDTH, 0),
                            struct.pack('<HHI', 256, width[0], len(width[1]))
                            + struct.pack('<%dH' % len(width[1]), *width[1]).ljust(4, b'\0'))
        save(tmp_path / 'in' / 'b.png', random_samples(3))
        (tmp_path / 'in' / 'a.tif').write_bytes(data)
        result = run(tmp_path / 'in', tmp_path / 'out')
        refused(result, FAILURE, 'a.tif', 'damaged', 'size')
        assert set(contents(tmp_path / 'out')) == {'b.png'}

    def test_an_encoder_that_gives_up(self, run, monkeypatch, tmp_path):
        for name in ('a.png', 'b.png'):
            save(tmp_path / 'in' / name, random_samples(3))
        original, calls = Image.Image.save, []

        def save_all_but_the_first(*arguments, **options):
            calls.append(arguments)
            if len(calls) == 1:
                raise ValueError('encoding error 6')
            return original(*arguments, **options)

        monkeypatch.setattr(Image.Image, 'save', save_all_but_the_first)
        result = run(tmp_path / 'in', tmp_path / 'out', '--format=webp')
        refused(result, FAILURE, 'out/', 'webp', 'encoding error 6', '--format=png')
        assert len(contents(tmp_path / 'out')) == 1

    def test_colours_that_pillow_would_misread(self, run, enlarge, tmp_path):
        samples = random_samples(3)
        (tmp_path / 'a.tif').write_bytes(tiff(samples, photometric=6, more=[(530, 3, [2, 2])]))
        self.alone(run, tmp_path, 'a.tif', 'several pixels', 'RGB')
        (tmp_path / 'a.tif').write_bytes(tiff(samples, photometric=6, more=[(530, 3, [1, 1])]))
        wanted = np.asarray(Image.fromarray(samples, 'YCbCr').convert('RGB'))
        np.testing.assert_array_equal(read_rgb(str(tmp_path / 'a.tif')), wanted)

    def test_a_file_that_holds_too_few_bytes(self, run, monkeypatch, tmp_path):
        monkeypatch.setitem(FORMATS, 'bmp', FORMATS['bmp']._replace(most_bytes=8 * HEIGHT * WIDTH))
        save(tmp_path / 'a.png', random_samples(3))
        refused(run(tmp_path / 'a.png', tmp_path / 'a.bmp'), FAILURE, 'GB', '--format=png')
        save(tmp_path / 'a.png', random_samples(1))
        assert run(tmp_path / 'a.png', tmp_path / 'a.bmp').returncode == 0

    @pytest.mark.parametrize('channels, dtype, known, size', [
        (3, np.uint8, 'png', 3),  # what the network made
        (3, np.uint8, 'jpg', 3 + 4),  # and Pillow's copy
        (1, np.uint8, 'png', 3 + 4),  # and what gives the mean of the colours
        (4, np.uint8, 'jpg', 3 + 1 + 4),  # and an alpha that is opaque
        (4, np.uint16, 'png', 6 + 2 + 8),  # and the two together
        (4, np.uint16, 'webp', 6 + 2 + 8 + 32)])  # and what rounds them
    def test_the_memory_that_a_picture_takes(self, run, monkeypatch, tmp_path, channels, dtype,
                                             known, size):
        samples = random_samples(channels, dtype)
        samples[..., 3:] |= np.iinfo(dtype).max
        (tmp_path / 'a.png').write_bytes(png_of_tensorflow(samples))
        source, target = tmp_path / 'a.png', tmp_path / ('big.' + known)
        monkeypatch.setattr(memory, 'available', lambda: 4 * HEIGHT * WIDTH * size - 1)
        refused(run(source, target), FAILURE, 'GB of memory')
        monkeypatch.setattr(memory, 'available', lambda: 4 * HEIGHT * WIDTH * size)
        assert run(source, target).returncode == 0

    def test_a_link_that_leads_back(self, enlarge, tmp_path):
        save(tmp_path / 'in' / 'sub' / 'a.png', random_samples(3))
        for name in ('all', 'sub/up', 'sub/here'):
            (tmp_path / 'in' / name).symlink_to(tmp_path / 'in')
        (tmp_path / 'in' / 'twice').symlink_to(tmp_path / 'in' / 'sub')
        result = enlarge(tmp_path / 'in', tmp_path / 'out')
        assert result.stdout.startswith(b'2 of 2 pictures')
        assert set(contents(tmp_path / 'out')) == {'sub/a.png', 'twice/a.png'}

    @pytest.mark.parametrize('dtype', [np.int8, np.int16])
    def test_signed_samples(self, run, tmp_path, dtype):
        tifffile.imwrite(str(tmp_path / 'a.tif'), np.full((16, 16), -5, dtype))
        refused(run(tmp_path / 'a.tif', tmp_path / 'big.png'), FAILURE, 'a.tif', 'signed samples')

    def test_a_scale_that_the_model_lacks(self, run, upscaler, tmp_path):
        save(tmp_path / 'a.png', random_samples(3))
        result = run(tmp_path / 'a.png', tmp_path / 'big.png', '--scale=5')
        refused(result, USAGE, '--scale=5', 'random.ckpt', 'x2, x3')

    def test_a_folder_that_is_read_only(self, run, small_disk, tmp_path):
        save(tmp_path / 'a.png', random_samples(3))
        subprocess.run(['mount', '-o', 'remount,ro', str(small_disk)], check=True)
        for target in (small_disk / 'big.png', small_disk / 'new' / 'big.png'):
            refused(run(tmp_path / 'a.png', target), FAILURE, small_disk, 'cannot be written')

    def test_no_space_left(self, run, small_disk, fill_disk, tmp_path):
        for name in 'abcdefghijkl':
            save(tmp_path / 'in' / (name + '.png'), random_samples(3))
        fill_disk(small_disk, leave=2 * 4096)
        before = contents(small_disk)
        result = run(tmp_path / 'in', small_disk / 'out')
        refused(result, FAILURE, small_disk / 'out', 'No space left')
        after = contents(small_disk)
        assert {name for name in after if name.endswith('.tmp')} == set()
        for name in set(after) - set(before):
            assert Image.open(str(small_disk / name)).size == (2 * WIDTH, 2 * HEIGHT)

    def test_standard_output_that_takes_nothing(self, bicubic, tmp_path):
        save(tmp_path / 'a.png', random_samples(3))
        with open('/dev/full', 'wb', buffering=0) as full:
            pipeline = Pipeline(bicubic, 2, standard_output=full)
            with pytest.raises(UserError, match='standard output: .*No space left'):
                list(pipeline.run([Job(str(tmp_path / 'a.png'), '-', 'png')]))


class TestBesideTheNetwork:
    def test_the_bar(self, tmp_path):
        terminal = type('Terminal', (io.StringIO,), {'isatty': lambda self: True})()
        bar = ProgressBar(8.0, label='enlarging', unit='MP', stream=terminal)
        bar._began -= 4
        bar.update(2.0, 'a.png')
        assert 'enlarging 2.0/8.0 MP  25% ETA 0:12 0.50 MP/s a.png' in terminal.getvalue()

    def test_work_ahead_is_bounded_by_its_cost(self):
        started = []

        def items():
            for number in range(6):
                started.append(number)
                yield number

        results = computed_ahead(lambda item: item, items(), cost=lambda item: 10, budget=25)
        assert next(results) == 0
        assert started == [0, 1, 2]
        assert list(results) == [1, 2, 3, 4, 5]
