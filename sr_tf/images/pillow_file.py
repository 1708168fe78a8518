"""PNG, JPEG, WebP and BMP files."""
from PIL import Image

from sr_tf.images import exif, samples
from sr_tf.images.picture import is_turned_sideways, make_picture, upright_resolution

NAMES = {'PNG': 'png', 'JPEG': 'jpg', 'MPO': 'jpg', 'WEBP': 'webp', 'BMP': 'bmp'}
# In an MPO file they are what else a camera took at once.
SEVERAL_FRAMES = ('PNG', 'WEBP')


class PillowFile:
    """Decodes one; its header is read at once."""

    def __init__(self, file):
        self._file = file
        self._image = self._open()
        self._exif = exif.sound_block(self._image.info.get('exif'))
        self._orientation = exif.read_orientation(self._exif) if self._exif else 1

    def size(self):
        """(height, width) of the upright picture."""
        width, height = self._image.size
        return (width, height) if is_turned_sideways(self._orientation) else (height, width)

    def read(self):
        image = self._image
        remarks = ()
        if image.format in SEVERAL_FRAMES and getattr(image, 'n_frames', 1) > 1:
            remarks = 'has %d frames; the first was taken' % image.n_frames,
        pixels = samples.read(image, self._open)
        is_converted = image.mode == 'CMYK'
        dpi = image.info.get('dpi')
        return make_picture(
            pixels, self._orientation, format=NAMES[image.format], exif=self._upright_exif(),
            icc=None if is_converted else image.info.get('icc_profile'),
            dpi=dpi and upright_resolution(dpi, self._orientation), remarks=remarks)

    def _open(self):
        # Pillow refuses pictures of more than 179 megapixels, which cameras make.
        Image.MAX_IMAGE_PIXELS = None
        return Image.open(self._file, formats=('PNG', 'JPEG', 'WEBP', 'BMP'))

    def _upright_exif(self):
        if self._exif:
            return exif.upright(self._exif)
        # A PNG may have it after the pixels, where it is too late to turn them.
        return exif.sound_block(self._image.info.get('exif'))
