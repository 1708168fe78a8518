"""What becomes of the pictures that are scored: files, and those that a report shows."""
import os
import threading

from sr_tf.images.files import write_png

KEPT_BYTES = 2 ** 28
SHOWN = 6  # of each set and scale: a page with hundreds of photographs opens nowhere


def save(folder, method, scale, scored):
    """Writes the enlarged picture, and those of the network's single outputs if it has them."""
    place = os.path.join(folder, 'ensemble') if method.combines_outputs else folder
    name = os.path.join('x%d' % scale, scored.pair.name + '.png')
    write_png(os.path.join(place, name), scored.sr)
    for number, output in zip(method.output_numbers, scored.outputs):
        write_png(os.path.join(folder, 't%d' % number, name), output)


class Gallery:
    """Enlarged pictures by any key, as many as fit into the memory that they may take."""

    def __init__(self):
        self._pictures = {}
        self._room = KEPT_BYTES
        self._lock = threading.Lock()

    def keep(self, key, picture):
        with self._lock:
            if picture.nbytes <= self._room:
                self._room -= picture.nbytes
                self._pictures[key] = picture

    def get(self, key):
        """The picture, or None."""
        return self._pictures.get(key)


def shown(images):
    """Indices of a few images that say most, by their scores: the worst first.

    They are those that gain least and most over bicubic, and those with the lowest PSNR.
    """
    def gain(index):
        own, bicubic = images[index]['psnr'], images[index]['bicubic']['psnr']
        return own - bicubic if own != bicubic else 0.0

    by_gain = sorted(range(len(images)), key=gain)
    by_psnr = sorted(range(len(images)), key=lambda index: images[index]['psnr'])
    third = SHOWN // 3
    chosen = dict.fromkeys(by_gain[:third] + by_gain[::-1][:third] + by_psnr)
    return sorted(list(chosen)[:SHOWN], key=by_psnr.index)
