"""Images as sequences of patches."""

from .. import nn, ops


class PatchEmbeddings(nn.Module):
    """Cuts an image into patches and projects each: `projection` is a convolution whose stride is its kernel.

    `grid` is the (rows, columns) of patches in an image of the config's size.
    """

    def __init__(self, config):
        super().__init__()
        self.model_type = config.model_type
        self.num_channels = config.num_channels
        self.image_size, self.patch_size = pair(config.image_size), pair(config.patch_size)
        self.grid = (self.image_size[0] // self.patch_size[0], self.image_size[1] // self.patch_size[1])
        self.projection = nn.Conv2d(config.num_channels, config.hidden_size, self.patch_size, self.patch_size)

    def grid_of(self, pixel_values):
        """(rows, columns) of patches in these images."""
        _, _, height, width = ops.shape(pixel_values)
        return height // self.patch_size[0], width // self.patch_size[1]

    def forward(self, pixel_values, any_size=False):
        """pixel_values (batch, channels, height, width) -> (batch, rows * columns, hidden).

        Raises:
            ValueError: images of another size than the config's, unless `any_size`.
        """
        found = tuple(ops.shape(pixel_values))[1:]
        expected = (self.num_channels, *(("height", "width") if any_size else self.image_size))
        # a size that is not known before the run is left to the operations
        known = [(a, b) for a, b in zip(found, expected, strict=False) if isinstance(a, int) and isinstance(b, int)]
        if len(found) != 3 or any(a != b for a, b in known):
            raise ValueError(
                f"[{self.model_type}] expected pixel_values of (batch, {', '.join(map(str, expected))}), got (batch, "
                f"{', '.join(map(str, found))}): prepare them so, or pass interpolate_pos_encoding=True for another "
                "height and width"
            )
        x = self.projection(ops.cast(pixel_values, ops.dtype(self.projection.weight)))
        return ops.transpose(ops.flatten(x, 2), 1, 2)


def pair(size):
    """(height, width) of a size given as one number or two."""
    return (size, size) if isinstance(size, int) else tuple(size)


def resize_positions(positions, grid, new_grid):
    """Position embeddings (1, 1 + rows * columns, hidden), bicubic, for another grid; the class token's is kept.

    As DINO does (Caron et al., arXiv:2104.14294).
    """
    size = ops.size(positions, 2)
    image = ops.permute(ops.reshape(positions[:, 1:], (1, *grid, size)), (0, 3, 1, 2))
    image = ops.interpolate(image, new_grid, mode="bicubic")
    return ops.cat((positions[:, :1], ops.transpose(ops.flatten(image, 2), 1, 2)), 1)
