"""Convolutions, pooling and resizing of (batch, channels, ...) images. TensorFlow's CPU kernels want channels last."""

import tensorflow as tf

from pytransformers.ops.resize import resize_matrix


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _channels_last(x):
    return tf.transpose(x, (0, 2, 3, 1))


def _channels_first(x):
    return tf.transpose(x, (0, 3, 1, 2))


def _padded(x, padding, value=0):
    """x (batch, height, width, channels) with (height, width) or ((top, bottom), (left, right)) more at the edges."""
    if not any(map(any, ((p,) if isinstance(p, int) else p for p in padding))):
        return x
    edges = [(p, p) if isinstance(p, int) else p for p in padding]
    return tf.pad(x, [(0, 0), *edges, (0, 0)], constant_values=tf.cast(value, x.dtype))


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    weight = tf.convert_to_tensor(weight)
    stride, dilation = _pair(stride), _pair(dilation)
    if padding == "same":
        spans = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        padding = tuple((span // 2, span - span // 2) for span in spans)
    x = _padded(_channels_last(x), (0, 0) if padding == "valid" else _pair(padding))
    kernel = tf.transpose(weight, (2, 3, 1, 0))
    if groups == 1:
        y = _convolution(x, kernel, stride, dilation)
    else:
        # TensorFlow has no gradient of a grouped convolution on the CPU
        pieces = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
        y = tf.concat([_convolution(a, k, stride, dilation) for a, k in pieces], -1)
    return _channels_first(y if bias is None else tf.nn.bias_add(y, bias))


def _convolution(x, kernel, stride, dilation):
    if stride == (1, 1) or dilation == (1, 1):
        return tf.nn.convolution(x, kernel, stride, "VALID", dilations=dilation)
    # TensorFlow has no stride beside a dilation
    return tf.nn.convolution(x, kernel, 1, "VALID", dilations=dilation)[:, :: stride[0], :: stride[1]]


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    padding = padding if isinstance(padding, str) else (0, padding)
    weight = tf.convert_to_tensor(weight)[:, :, None]
    return conv2d(x[:, :, None], weight, bias, (1, stride), padding, (1, dilation), groups)[:, :, 0]


def _pool(function, x, kernel_size, stride, padding, edge):
    x = _padded(_channels_last(x), _pair(padding), edge)
    stride = kernel_size if stride is None else stride
    return _channels_first(function(x, _pair(kernel_size), _pair(stride), "VALID"))


def max_pool2d(x, kernel_size, stride=None, padding=0):
    return _pool(tf.nn.max_pool2d, x, kernel_size, stride, padding, x.dtype.min)


def avg_pool2d(x, kernel_size, stride=None, padding=0):
    """Padding counts as zeros."""
    return _pool(tf.nn.avg_pool2d, x, kernel_size, stride, padding, 0)


def interpolate(x, size, mode="bilinear", align_corners=False, antialias=False):
    height, width = x.shape[2:]
    if height is None or width is None:
        raise ValueError(f"[interpolate] expected a height and width known when tracing, got {x.shape}: fix the shape")
    wide = tf.float64 if x.dtype == tf.float64 else tf.float32
    rows, columns = (
        tf.constant(resize_matrix(source, int(target), mode, align_corners, antialias), wide)
        for source, target in zip((height, width), size, strict=True)
    )
    y = tf.matmul(tf.matmul(rows, tf.cast(x, wide)), columns, transpose_b=True)
    return tf.cast(y, x.dtype)


def pixel_shuffle(x, upscale_factor):
    r = upscale_factor
    sizes, shape = tf.shape(x), x.shape
    channels = shape[1] // r**2
    x = tf.reshape(x, (sizes[0], channels, r, r, sizes[2], sizes[3]))
    x = tf.transpose(x, (0, 1, 4, 2, 5, 3))
    y = tf.reshape(x, (sizes[0], channels, sizes[2] * r, sizes[3] * r))
    y.set_shape((shape[0], channels, *(None if n is None else n * r for n in shape[2:])))
    return y


def group_norm(x, num_groups, weight, bias, eps=1e-5):
    channels, rank = x.shape[1], x.shape.rank
    y = tf.cast(x, tf.float32) if x.dtype.size == 2 else x
    grouped = tf.reshape(y, (tf.shape(x)[0], num_groups, -1))
    mean = tf.reduce_mean(grouped, -1, keepdims=True)
    centred = grouped - mean
    normed = centred * tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + eps)
    y = tf.ensure_shape(tf.reshape(normed, tf.shape(x)), x.shape)
    over_channels = (channels,) + (1,) * (rank - 2)
    if weight is not None:
        y *= tf.reshape(tf.cast(weight, y.dtype), over_channels)
    if bias is not None:
        y += tf.reshape(tf.cast(bias, y.dtype), over_channels)
    return tf.cast(y, x.dtype)
