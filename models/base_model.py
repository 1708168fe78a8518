from models import counting
from models.notes import note
from sr_tf.compat import tf
from sr_tf.errors import UsageError
from sr_tf.scales import in_words


class BaseModel:
    """A network for one or several scales: tensors in, tensors out, and a loss.

    It knows no session, optimizer, file, device or flag.  Batches are float32 `[N, H, W, C]`.

    A subclass is found by the name of its file and gives:

    hyper_parameters: what its constructor takes, with the published values.  Each becomes a flag
        `--<model>_<name>`, and is kept beside every checkpoint.
    recipe: how it was published to be trained; flags of the same names override it.
    flag_aliases: names of flags that its users know, and the flags of ours that they mean.
    all_scales: the scales that it can be built for.
    multi_scale: whether one set of weights may serve several scales.
    combines_outputs: whether an image is made of all outputs and not just of the last.
    channels: of the pictures that it reads and writes.
    input_is_enlarged: whether it reads the low-resolution image enlarged by bicubic.
    constants: what an original keeps among its weights and is no variable here.
    """

    hyper_parameters = {}
    recipe = {}
    flag_aliases = {}
    all_scales = (2, 3, 4)
    multi_scale = False
    combines_outputs = False
    channels = 3
    input_is_enlarged = False
    constants = {}

    def __init__(self, scales, **hyper_parameters):
        self.scales = tuple(scales)
        unknown = sorted(set(hyper_parameters) - set(type(self).hyper_parameters))
        if unknown:
            raise UsageError('%s is no hyper-parameter of %s, which has %s' % (
                unknown[0], self.name(), ', '.join(type(self).hyper_parameters) or 'none'))
        self.hyper_parameters = dict(type(self).hyper_parameters, **hyper_parameters)
        vars(self).update(self.hyper_parameters)
        for scale in self.scales:
            if scale not in self.all_scales:
                raise UsageError('--scales=%s: %s is made for %s'
                                 % (scale, self.name(), in_words(self.all_scales)))
        if len(self.scales) > 1 and not self.multi_scale:
            raise UsageError('--scales=%s: a %s has one scale; train one model for each' % (
                ','.join(map(str, self.scales)), self.name()))

    def changed(self, hyper_parameters=None, scales=None):
        """A model like this one, but with other hyper-parameters or for other scales.

        The former are a mapping, or a function that gives one for the class of the model.
        """
        given = hyper_parameters(type(self)) if callable(hyper_parameters) else hyper_parameters
        return type(self)(scales or self.scales, **dict(self.hyper_parameters, **(given or {})))

    @classmethod
    def name(cls):
        return cls.__module__.split('.')[-1]

    @classmethod
    def from_shapes(cls, shapes):
        """The model that has variables of these names and shapes, or None if it is another's."""
        raise NotImplementedError

    def network(self, images, scale):
        """The list of the network's outputs; its variables are made once and shared by all calls.

        Within `weights.taken_from` it makes none, and reads what that gives.
        """
        with tf.variable_scope('generator', reuse=tf.AUTO_REUSE, custom_getter=note('weights')):
            return self.build(images, scale)

    def build(self, images, scale):
        """The outputs for a batch in the model's own space; called within its variable scope."""
        raise NotImplementedError

    def receptive_radius(self, scale):
        """How many pixels away, in what the network reads, a pixel can still change the output.

        None, as here, where the whole picture can.
        """

    def features_at_once(self, scale):
        """About how many numbers are in memory at once for each pixel that the network reads."""
        return 256 * scale ** 2

    @property
    def parameters(self):
        """How many numbers training adjusts, for all scales together."""
        return counting.parameters(self)

    def multiply_adds(self, scale, height, width):
        """How many multiplications, each with an addition, the convolutions take.

        The sizes are those of the low-resolution picture, of which all outputs are computed.
        """
        return counting.multiply_adds(self, scale, height, width)

    def shuffled(self):
        """Maps each convolution that feeds a `layers.enlarge` to the scale of that."""
        return {}

    def variables(self):
        """Those of the scales that were built."""
        return tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope='generator/')

    def output_numbers(self):
        """What people call the outputs."""
        return [1]

    def other_names(self, name):
        """What a weight may be called in a checkpoint of such a model for more scales."""
        return ()

    def loss(self, outputs, truth, distance):
        """The scalar to minimise; `distance(output, truth)` is the mean over two batches."""
        return distance(outputs[-1], truth)

    def image(self, outputs):
        """The outputs combined into the one that is shown and scored."""
        return outputs[-1]

    def from_rgb(self, rgb):
        """From RGB in 0..255 into the space in which the model reads and writes."""
        return rgb

    def to_rgb(self, image, enlarged):
        """Back to RGB in 0..255; `enlarged` is the input in RGB, enlarged by bicubic."""
        return image
