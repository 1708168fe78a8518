"""Which GPUs a process sees; there are none here, so by what it says to TensorFlow."""
import os

import pytest

from sr_tf.chips import gpus
from sr_tf.chips.session import Chip
from sr_tf.errors import UsageError, UserError

TOLD = ('CUDA_VISIBLE_DEVICES', 'RANK_ID', 'RANK_SIZE', 'HOROVOD_RANK', 'HOROVOD_SIZE',
        'HOROVOD_LOCAL_RANK', 'HOROVOD_LOCAL_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK',
        'OMPI_COMM_WORLD_LOCAL_SIZE')


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """One that says nothing, and is as before in the end."""
    for name in TOLD:
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def with_gpu(monkeypatch, tmp_path):
    """A machine that has one; called with False, its TensorFlow cannot use it."""
    (tmp_path / 'nvidia0').touch()
    monkeypatch.setattr(gpus, 'DEVICES', (str(tmp_path / 'nvidia[0-9]*'),))

    def usable(answer):
        monkeypatch.setattr(gpus, 'seen', lambda: answer)
    usable(True)
    return usable


def visible():
    return os.environ.get('CUDA_VISIBLE_DEVICES')


def test_auto_takes_a_gpu(with_gpu):
    assert Chip('auto').kind == 'gpu'
    assert visible() is None


def test_auto_does_without_a_gpu_that_is_of_no_use(with_gpu, capsys):
    with_gpu(False)
    assert Chip('auto').kind == 'cpu'
    warning = capsys.readouterr().err
    assert warning.startswith('warning: there is a GPU, but TensorFlow ')
    assert warning.count('\n') == 1


def test_several_processes_do_not_go_on_without(with_gpu, environment):
    environment.setenv('RANK_SIZE', '2')
    environment.setenv('RANK_ID', '1')
    with_gpu(False)
    with pytest.raises(UserError, match='no GPU for process 1; name one for each in CUDA_VIS'):
        Chip('auto')


@pytest.mark.parametrize('variable, flag', [('', None), ('-1', None), (None, '-1')])
def test_a_gpu_that_is_hidden_on_purpose(with_gpu, environment, capsys, variable, flag):
    if variable is not None:
        environment.setenv('CUDA_VISIBLE_DEVICES', variable)
    with_gpu(False)
    assert Chip('auto', cuda_device=flag).kind == 'cpu'
    assert capsys.readouterr().err == ''


def test_one_after_the_other(with_gpu):
    """Once TensorFlow has listed its GPUs, it has them, whatever the environment says."""
    assert [Chip(kind).kind for kind in ('auto', 'cpu', 'auto')] == ['gpu', 'cpu', 'gpu']


def test_auto_where_there_is_none(monkeypatch):
    monkeypatch.setattr(gpus, 'DEVICES', ('/no/such*',))
    assert Chip('auto').kind == 'cpu'
    assert visible() == '-1'


@pytest.mark.parametrize('chip', ['auto', 'gpu'])
def test_the_one_that_is_asked_for(with_gpu, chip):
    assert Chip(chip, cuda_device='1').kind == 'gpu'
    assert visible() == '1'


@pytest.mark.parametrize('names', [('HOROVOD_LOCAL_RANK', 'HOROVOD_LOCAL_SIZE'),
                                   ('OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_LOCAL_SIZE')])
@pytest.mark.parametrize('given, own', [(None, '1'), ('5,3', '3')])
def test_each_process_of_horovodrun_has_its_own(with_gpu, environment, names, given, own):
    for name, value in zip(names, ('1', '2')):
        environment.setenv(name, value)
    if given:
        environment.setenv('CUDA_VISIBLE_DEVICES', given)
    for chip in ('auto', 'gpu', 'gpu'):
        Chip(chip)
        assert visible() == own


@pytest.mark.parametrize('names', [('RANK_ID', 'RANK_SIZE'), ('HOROVOD_RANK', 'HOROVOD_SIZE')])
def test_several_processes_are_not_given_the_same(with_gpu, environment, names):
    for name, value in zip(names, ('0', '2')):
        environment.setenv(name, value)
    with pytest.raises(UsageError, match='--cuda_device=0: .* CUDA_VISIBLE_DEVICES=0 for launch'):
        Chip('gpu', cuda_device='0')
