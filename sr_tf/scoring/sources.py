"""Which pictures a protocol compares, and so which protocols can share what a network computes."""
from collections import namedtuple

from sr_tf.data.low_resolution import low_resolution, require_room
from sr_tf.images.degradations import DEGRADATIONS
from sr_tf.scoring import protocols


class Source(namedtuple('Source', 'truth degradation')):
    """Where LR and HR pictures come from: the `truth` of a protocol and a degradation's name."""

    __slots__ = ()

    def pictures(self, loader, pair, original, scale):
        """(lr, hr) of a pair whose HR picture was read as `original`."""
        require_room(pair, original, scale)
        hr = self.truth.compute(original, scale)
        return low_resolution(loader, pair, hr, scale, self.degradation), hr

    def enlarge(self, lr, scale):
        """What a network has to beat."""
        return DEGRADATIONS[self.degradation].enlarge(lr, scale)


def group_by_source(names, degradation=None):
    """Maps each `Source` to the protocols of these names, in their order, that score its pictures.

    A degradation that was asked for takes the place of the protocols' own.
    """
    groups = {}
    for protocol in map(protocols.find, names):
        source = Source(protocol.truth, degradation or protocol.degradation)
        groups.setdefault(source, []).append(protocol)
    return groups
