import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Top and left corners of 96x96 crops in which there is something to see.
CROPS = {
    'astronaut.png': (60, 180),
    'coffee.png': (100, 200),
    'chelsea.png': (80, 100),
    'rocket.jpg': (150, 280),
}
CROP_SIZE = 96


class Scripts:
    """Runs the project's scripts as a user does: in the repository, on the CPU, own cache."""

    def __init__(self, cache):
        self._environment = dict(os.environ, CUDA_VISIBLE_DEVICES='-1', XDG_CACHE_HOME=str(cache))
        for name in ('PYTHONPATH', 'PYTHONUNBUFFERED'):
            self._environment.pop(name, None)

    def __call__(self, script, *flags, **options):
        """The finished process, whatever its exit code; `check=True` asserts that it is 0."""
        check = options.pop('check', False)
        result = subprocess.run(
            self._command(script, flags), cwd=ROOT, env=self._environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def start(self, script, *flags, **options):
        """A `Popen`, to be killed."""
        streams = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE,
                   'stderr': subprocess.PIPE}
        return subprocess.Popen(self._command(script, flags), cwd=ROOT, env=self._environment,
                                text=True, **dict(streams, **options))

    @staticmethod
    def _command(script, flags):
        return [sys.executable, script] + [str(flag) for flag in flags]


@pytest.fixture(scope='session')
def run_script(tmp_path_factory):
    """`run_script('train.py', '--flag=value', ...)`; `run_script.start(...)` does not wait."""
    return Scripts(tmp_path_factory.mktemp('cache'))


@pytest.fixture(scope='session')
def photos(tmp_path_factory):
    """A folder of four 96x96 PNGs, cropped from scikit-image's photographs."""
    package = importlib.util.find_spec('skimage')
    if package is None:
        pytest.skip('needs the photographs of scikit-image')
    source = os.path.join(os.path.dirname(package.origin), 'data')
    folder = tmp_path_factory.mktemp('photos')
    for name, (top, left) in CROPS.items():
        with Image.open(os.path.join(source, name)) as image:
            pixels = np.asarray(image.convert('RGB'))
        crop = pixels[top:top + CROP_SIZE, left:left + CROP_SIZE]
        assert crop.shape == (CROP_SIZE, CROP_SIZE, 3)
        Image.fromarray(crop).save(str(folder / (os.path.splitext(name)[0] + '.png')))
    return folder


@pytest.fixture(scope='session')
def data_root():
    """The folder with T91, BSDS400, Set5, Set14 and BSD100, each with its HR images."""
    path = os.environ.get('SR_TF_DATA')
    if not path:
        pytest.skip('SR_TF_DATA does not name the folder of the benchmark images')
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB."""
    disk = tmp_path / 'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'sr-tf-test', str(disk)]
    try:
        mounted = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip('a full disk is tested on one that root may mount')
    yield disk
    subprocess.run(['umount', '--lazy', str(disk)], check=True)


@pytest.fixture
def fill_disk():
    """`fill_disk(disk, leave=bytes)`"""
    def fill(disk, leave):
        status = os.statvfs(str(disk))
        (disk / 'filling').write_bytes(bytes(status.f_bavail * status.f_frsize - leave))

    return fill


@pytest.fixture
def no_flags():
    """Lets a test define the flags of a script, and takes them away again."""
    before = set(flags.FLAGS)
    yield
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()
