"""Processes that measure, each with a Python of its own; see `answering`."""
import json
import os
import subprocess
import tempfile

from sr_tf.errors import UserError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Worker:
    """Runs `python -m module`; leaving its context ends it.

    environment: variables that are added to those of this process.
    """

    def __init__(self, python, module, environment=()):
        self._module = module
        self._errors = tempfile.TemporaryFile('w+')
        self._process = subprocess.Popen(
            [python, '-m', module], cwd=ROOT, env=dict(os.environ, **dict(environment)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            universal_newlines=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def ask(self, **content):
        """What it answers, a dictionary."""
        try:
            self._process.stdin.write(json.dumps(content) + '\n')
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and answers nothing
        answer = self._process.stdout.readline()
        if not answer:
            raise UserError('%s: ended: %s' % (self._module, self._last_words()))
        return json.loads(answer)

    def _last_words(self):
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else 'with exit code %d' % self._process.returncode
