"""Pictures of other tools are found by whatever names they have."""
import pytest

from sr_tf.errors import UserError
from sr_tf.scoring.matching import match

SET5 = ['baby', 'bird', 'butterfly', 'head', 'woman']


def matched(pictures, names, dataset='Set5', scale=4):
    return match('results', pictures, names, dataset, scale)


@pytest.mark.parametrize('form', [
    '{}.png', '{}_x4_RCAN.png', 'RCAN-{}.bmp', '{}x4.png', 'x4/{}.png', 'Set5/x4/{}_RCAN_x4.png',
    'image_SRF_4/img_{}_SRF_4_HR.png', 'out/{}.bicubic.png', 'MyNet 4x/{}(1).jpg'])
def test_the_usual_forms(form):
    assert matched([form.format(name) for name in SET5], SET5) == {
        name: form.format(name) for name in SET5}


def test_a_name_is_a_word_of_its_own():
    pictures = ['1_x4.png', '10_x4.png', '100_x4.png', '0801x4.png', '801.png']
    assert matched(pictures, ['1', '10', '100', '0801', '801']) == {
        '1': '1_x4.png', '10': '10_x4.png', '100': '100_x4.png', '0801': '0801x4.png',
        '801': '801.png'}


def test_the_longest_name_is_meant():
    pictures = ['bird_net.png', 'bird_two_net.png']
    assert matched(pictures, ['bird', 'bird_two']) == {
        'bird': 'bird_net.png', 'bird_two': 'bird_two_net.png'}


def test_other_scales_are_left_out():
    pictures = ['x%d/baby_%dx.png' % (scale, scale) for scale in (2, 3, 4)]
    for scale in (2, 3, 4):
        assert matched(pictures, ['baby'], scale=scale) == {'baby': pictures[scale - 2]}


def test_an_image_whose_name_looks_like_a_scale():
    assert matched(['x2.png', 'x3.png'], ['x2', 'x3']) == {'x2': 'x2.png', 'x3': 'x3.png'}


def test_the_folder_of_the_set_is_preferred():
    assert matched(['Set14/baby.png', 'set5/baby.png'], ['baby']) == {'baby': 'set5/baby.png'}


def test_names_in_folders_are_known_by_their_last_part():
    assert matched(['a_SR.png'], ['photos/a']) == {'photos/a': 'a_SR.png'}


def test_a_picture_that_is_missing():
    with pytest.raises(UserError, match=r'results: has no picture for head of Set5 at x4; .*'
                                        r'head_x4\.png'):
        matched([name + '.png' for name in SET5 if name != 'head'], SET5)


def test_two_pictures_for_one_image():
    with pytest.raises(UserError, match=r'baby_A\.png and baby_B\.png in results: two pictures '
                                        r'for baby of Set5 at x4; '):
        matched(['baby_A.png', 'baby_B.png'], ['baby'])


@pytest.mark.parametrize('form', ['{}.png', 'x4/{}.png', 'net/{}_x4_net.png'])
def test_names_that_only_folders_tell_apart(form):
    names = ['a/01', 'b/01', 'ab/01', '01']
    assert matched([form.format(name) for name in names], names) == {
        name: form.format(name) for name in names}
