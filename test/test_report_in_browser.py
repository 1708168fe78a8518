"""A report as a person uses it, in a real browser with a mouse."""
import io

import browser
import numpy as np
import pytest
from PIL import Image
from test_report import image, metrics_of, picture_of, result

from sr_tf.report.page import write_report

pytestmark = pytest.mark.skipif(bool(browser.missing()), reason=str(browser.missing()))

NAMES = ['baby', 'bird', 'butterfly', 'head']
PSNRS = [38.2, 36.9, 30.1, 100.0]
DESKTOP, PHONE = (1300, 900), (390, 844)


def flat(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


def picture():
    """Red for bicubic, green and blue for two methods."""
    base = picture_of(180, 240, name='bird')
    return dict(base, bicubic=flat(180, 240, (255, 0, 0)),
                sr={'a': flat(180, 240, (0, 255, 0)), 'b': flat(180, 240, (0, 0, 255))})


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    """A report of two methods."""
    file = tmp_path_factory.mktemp('report') / 'report.html'
    images = [image(name, psnr, psnr - 1.0 - index)
              for index, (name, psnr) in enumerate(zip(NAMES, PSNRS))]
    runs = [dict(metrics_of(result('Set5', 3, images)), name=name) for name in 'ab']
    write_report(str(file), dict(runs[0], runs=runs), [picture()])
    return file


@pytest.fixture(scope='module')
def page(path):
    with browser.opened(str(path), *DESKTOP) as opened:
        yield opened


def names(page):
    return page.evaluate('[...document.querySelector(".images tbody").rows]'
                         '.map(row => row.querySelector("[data-key]").textContent)')


def colour_in_stage(page, across):
    """The colour that is visible at a part of the picture's width, in its upper quarter."""
    box = page.evaluate('(box => [box.left, box.top, box.width, box.height])'
                        '(document.querySelector(".stage").getBoundingClientRect())')
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        return shot.convert('RGB').getpixel((int(box[0] + across * box[2]),
                                             int(box[1] + 0.25 * box[3])))


def test_a_click_on_a_head_sorts_the_table(page):
    assert names(page) == NAMES
    head = '.images th:nth-child(3)'
    page.click(head + ' button')
    assert names(page) == ['butterfly', 'bird', 'baby', 'head']
    assert page.evaluate('document.querySelector("%s").ariaSort' % head) == 'ascending'
    page.click(head + ' button')
    assert names(page) == ['head', 'baby', 'bird', 'butterfly']
    page.click('.images th:first-child button')
    assert names(page) == NAMES


def test_dragging_the_slider_uncovers_the_other_picture(page):
    green, blue = (0, 255, 0), (0, 0, 255)
    page.drag('.stage', (0, 0), (0, 0))
    assert [colour_in_stage(page, across) for across in (0.1, 0.9)] == [green, blue]
    width = page.evaluate('document.querySelector(".stage").clientWidth')
    page.drag('.stage', (0, 0), (-int(0.45 * width), 0))
    assert [colour_in_stage(page, across) for across in (0.1, 0.9)] == [blue, blue]
    assert float(page.evaluate('document.querySelector(".stage input").value')) < 10
    page.drag('.stage', (-int(0.45 * width), 0), (int(0.45 * width), 0))
    assert [colour_in_stage(page, across) for across in (0.1, 0.9)] == [green, green]


def test_what_is_compared_can_be_chosen(page):
    page.drag('.stage', (0, 0), (0, 0))
    page.choose('.under label:nth-of-type(2) select', 'bicubic')
    assert colour_in_stage(page, 0.1) == (255, 0, 0)
    assert page.evaluate('document.querySelector(".label.left").textContent') == 'bicubic'
    page.choose('.under label:nth-of-type(2) select', 'a')


def test_errors_are_shown_in_place_of_pictures(page):
    before = colour_in_stage(page, 0.1)
    page.click('.under [type=checkbox]')
    assert colour_in_stage(page, 0.1) != before
    page.click('.under [type=checkbox]')
    assert colour_in_stage(page, 0.1) == before


def test_the_row_of_a_picture_leads_to_it(page):
    page.click('.images a')
    assert page.evaluate('location.hash') == '#picture-1'


def test_a_phone_shows_all_without_scrolling_sideways(path):
    with browser.opened(str(path), *PHONE) as page:
        assert page.evaluate('innerWidth') == PHONE[0]
        assert page.evaluate('document.documentElement.scrollWidth') <= PHONE[0]
        width = page.evaluate('document.querySelector(".stage").clientWidth')
        assert 0.7 * PHONE[0] < width < PHONE[0]
        page.click('.images th:nth-child(3) button')
        assert names(page) == ['butterfly', 'bird', 'baby', 'head']
        page.drag('.stage', (0, 0), (-int(0.4 * width), 0))
        assert colour_in_stage(page, 0.3) == (0, 0, 255)
