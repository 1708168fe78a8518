"""A headless Chromium that is driven as a person would, by chromedriver over plain HTTP."""
import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

CHROMIUMS = ('chromium', 'chromium-browser', 'google-chrome')
START_SECONDS = 30


def missing():
    """What is not installed of what the browser needs, or None."""
    if not shutil.which('chromedriver'):
        return 'chromedriver is not installed (on Debian: chromium-driver)'
    if not any(map(shutil.which, CHROMIUMS)):
        return 'chromium is not installed'
    return None


@contextlib.contextmanager
def opened(path, width, height):
    """A `Page` with the file at a path, on a screen of this size."""
    port = _free_port()
    driver = subprocess.Popen(
        [shutil.which('chromedriver'), '--port=%d' % port], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory() as profile:
            page = Page('http://127.0.0.1:%d' % port, _options(profile, width, height))
            try:
                page.open(path)
                yield page
            finally:
                page.close()
    finally:
        driver.terminate()
        driver.wait()


class Page:
    """What a person can do with a page, and see of it."""

    def __init__(self, server, options):
        self._session = server
        deadline = time.time() + START_SECONDS
        while True:
            try:
                answer = self._call('POST', '/session', {'capabilities': {'alwaysMatch': options}})
                break
            except urllib.error.URLError:
                assert time.time() < deadline, 'chromedriver does not answer'
                time.sleep(0.1)
        self._session = '%s/session/%s' % (server, answer['sessionId'])

    def open(self, path):
        self._call('POST', '/url', {'url': 'file://%s' % path})

    def click(self, selector):
        self._move([{'type': 'pointerMove', 'duration': 0, 'x': 0, 'y': 0,
                     'origin': self._element(selector)},
                    {'type': 'pointerDown', 'button': 0}, {'type': 'pointerUp', 'button': 0}])

    def drag(self, selector, start, end):
        """From one point to another, in pixels right of and below the element's middle."""
        element = self._element(selector)
        self._move([_moved(element, start), {'type': 'pointerDown', 'button': 0},
                    _moved(element, end, duration=200), {'type': 'pointerUp', 'button': 0}])

    def choose(self, selector, text):
        """An option of a list, by typing its name there."""
        key, = self._element(selector).values()
        self._call('POST', '/element/%s/value' % key, {'text': text})

    def evaluate(self, expression):
        """What an expression of JavaScript gives."""
        return self._call('POST', '/execute/sync', {'script': 'return ' + expression, 'args': []})

    def screenshot(self):
        """What is visible, as PNG."""
        return base64.b64decode(self._call('GET', '/screenshot'))

    def close(self):
        self._call('DELETE', '')

    def _element(self, selector):
        found = self._call('POST', '/element', {'using': 'css selector', 'value': selector})
        self._call('POST', '/execute/sync', {
            'script': 'arguments[0].scrollIntoView({block: "center"})', 'args': [found]})
        return found

    def _move(self, actions):
        self._call('POST', '/actions', {'actions': [
            {'type': 'pointer', 'id': 'mouse', 'actions': actions}]})

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            self._session + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json'})
        # A proxy would be asked for the way to this very machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.loads(answer.read().decode())['value']
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error


def _options(profile, width, height):
    binary = next(filter(None, map(shutil.which, CHROMIUMS)))
    return {'goog:chromeOptions': {
        'binary': binary,
        'args': ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
                 '--user-data-dir=%s' % profile],
        # A window cannot be as narrow as a phone.
        'mobileEmulation': {'deviceMetrics': {'width': width, 'height': height, 'pixelRatio': 1,
                                              'mobile': width < 600, 'touch': False}}}}


def _moved(element, place, duration=0):
    return {'type': 'pointerMove', 'duration': duration, 'x': place[0], 'y': place[1],
            'origin': element}


def _free_port():
    with socket.socket() as held:
        held.bind(('127.0.0.1', 0))
        return held.getsockname()[1]
