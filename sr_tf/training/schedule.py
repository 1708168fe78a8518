"""The learning rate of a step."""
import math

SCHEDULES = ('constant', 'step', 'exponential', 'cosine')


class Schedule:
    """`schedule(step)` is the learning rate of the step, counted from 0.

    step: multiplied by `decay_rate` after every `decay_steps` steps.
    exponential: the same, but a little at every step.
    cosine: half a cosine from the full rate down to 0 at `max_steps`.
    The first `warmup_steps` rise linearly to what the schedule gives.
    """

    def __init__(self, kind, rate, decay_rate=0.5, decay_steps=200000, warmup_steps=0,
                 max_steps=1):
        self.kind = kind
        self.rate = rate
        self.decay_rate = decay_rate
        self.decay_steps = decay_steps
        self.warmup_steps = warmup_steps
        self.max_steps = max_steps

    def __call__(self, step):
        warmup = min(1.0, (step + 1) / (self.warmup_steps + 1))
        return self.rate * warmup * self._decay(step)

    def _decay(self, step):
        if self.kind == 'step':
            return self.decay_rate ** (step // self.decay_steps)
        if self.kind == 'exponential':
            return self.decay_rate ** (step / self.decay_steps)
        if self.kind == 'cosine':
            return 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.max_steps)))
        return 1.0
