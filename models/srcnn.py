"""SRCNN (Dong et al., 2014): three convolutions on the luma of the bicubic image."""
from models import layers
from models.base_model import BaseModel
from sr_tf.compat import tf

LUMA = (65.738 / 256, 129.057 / 256, 25.064 / 256)
OFFSET = 16.0


class SRCNN(BaseModel):
    hyper_parameters = {'bias': True}
    # Published for x2, trained on ImageNet: Set5 36.66 dB, Set14 32.45, BSD100 31.36.
    recipe = {
        'scales': (2,),
        'batch_size': 16,
        'input_patch_size': 33,
        'num_epochs': 20,
        'loss': 'l2',
        'learning_rate': 1e-4,
        'adam_epsilon': 1e-7,
    }
    channels = 1
    input_is_enlarged = True

    @classmethod
    def from_shapes(cls, shapes):
        """The scale is in no shape; it is taken to be 2."""
        if shapes.get('generator/conv1/kernel') != (9, 9, 1, 64):
            return None
        return cls([2], bias='generator/conv1/bias' in shapes)

    def build(self, images, scale):
        with layers.precisely():
            x = tf.nn.relu(self._conv2d(images, 64, 9, 'conv1'))
        x = tf.nn.relu(self._conv2d(x, 32, 5, 'conv2'))
        with layers.precisely():
            return [self._conv2d(x, 1, 5, 'conv3')]

    def receptive_radius(self, scale):
        return sum(size // 2 for size in (9, 5, 5))

    def features_at_once(self, scale):
        return 2 * 64

    def _conv2d(self, x, features, size, name):
        return layers.conv2d(x, features, size, name, layers.fan_in_uniform, bias=self.bias)

    def from_rgb(self, rgb):
        luma = sum(weight * rgb[..., channel:channel + 1] for channel, weight in enumerate(LUMA))
        return (luma + OFFSET) / 255.0

    def to_rgb(self, image, enlarged):
        # Adding the same to red, green and blue changes the luma alone.
        return enlarged + (image - self.from_rgb(enlarged)) * (255.0 / sum(LUMA))
