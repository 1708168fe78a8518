"""What networks share that read and write RGB from 0 to 1."""
from models.base_model import BaseModel


class UnitRange(BaseModel):
    def from_rgb(self, rgb):
        return rgb / 255.0

    def to_rgb(self, image, enlarged):
        return image * 255.0
