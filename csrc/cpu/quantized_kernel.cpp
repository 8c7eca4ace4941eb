// quantized_matmul and dequantize for tiles of 16 columns. Compiled once per instruction set.
#include "core/vector.h"
#include "cpu/activation.h"
#include "cpu/quantized.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

constexpr float kNf4[16] = {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
                            -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
                            0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
                            0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

INLINE float value(const QuantizedWeight& weight, int64_t tile, int64_t column, int64_t k) {
  const uint8_t* codes = weight.codes + tile * weight.tile_bytes + column * 4;
  if (weight.quantization <= PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC) {
    return static_cast<int8_t>(codes[k / 4 * 64 + k % 4]);
  }
  const int code = codes[k / 8 * 64 + k % 8 / 2] >> (k % 2 * 4) & 15;
  return weight.quantization == PYTRANSFORMERS_QUANTIZED_NF4 ? kNf4[code] : code - 8;
}

template <class T>
INLINE float one(const T* p) {
  return load(p, 1)[0];
}

INLINE float to_integer(float x) {
  KEEP_IN_REGISTER(x);  // the product that it is must round before it meets the sum
  return (x + 0x1.8p23f) - 0x1.8p23f;
}

template <class T>
float dot(const QuantizedCall& call, const T* x, int64_t tile, int64_t column) {
  const QuantizedWeight& weight = call.weight;
  if (weight.quantization == PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC) {
    uint32_t bits = 0;
    for (int64_t k = 0; k < weight.k; ++k) {
      const float v = one(x + k);
      uint32_t b;
      __builtin_memcpy(&b, &v, 4);
      b &= 0x7fffffff;
      bits = b > bits ? b : bits;
    }
    float largest;
    __builtin_memcpy(&largest, &bits, 4);
    if (bits >= 0x7f800000) return __builtin_nanf("");
    if (largest < 0x1p-100f) return 0.0f;
    const float inverse = 127.0f / largest;
    int32_t sum = 0;
    for (int64_t k = 0; k < weight.k; ++k) {
      sum += static_cast<int32_t>(to_integer(one(x + k) * inverse)) * static_cast<int32_t>(value(weight, tile, column, k));
    }
    return static_cast<float>(sum) * (largest / 127.0f) * weight.scales[tile * kTileColumns + column];
  }
  float total = 0.0f;
  for (int64_t group = 0; group < weight.groups; ++group) {
    const int64_t begin = group * weight.group_size;
    const int64_t end = begin + weight.group_size < weight.k ? begin + weight.group_size : weight.k;
    const int64_t at = (tile * weight.groups + group) * kTileColumns + column;
    for (int64_t start = begin; start < end; start += 128) {  // short sums, which round less
      float sum = 0.0f, plain = 0.0f;
      for (int64_t k = start; k < end && k < start + 128; ++k) {
        sum += one(x + k) * value(weight, tile, column, k);
        plain += one(x + k);
      }
      total += sum * weight.scales[at];
      if (weight.offsets != nullptr) total += plain * weight.offsets[at];
    }
  }
  return total;
}

template <class T>
void matmul(const QuantizedCall& call, int64_t begin, int64_t end) {
  for (int64_t row = 0; row < call.rows; ++row) {
    const T* x = static_cast<const T*>(call.x) + row * call.x_stride;
    T* y = static_cast<T*>(call.y) + row * call.y_stride;
    for (int64_t j = begin * kTileColumns; j < end * kTileColumns && j < call.weight.n; ++j) {
      const float sum = dot(call, x, j / kTileColumns, j % kTileColumns) + (call.bias != nullptr ? call.bias[j] : 0.0f);
      store(y + j, activate(splat(sum), call.activation), 1);
    }
  }
}

template <class T>
void dequantize(const DequantizeCall& call, int64_t begin, int64_t end) {
  const QuantizedWeight& weight = call.weight;
  for (int64_t j = begin * kTileColumns; j < end * kTileColumns && j < weight.n; ++j) {
    const int64_t tile = j / kTileColumns, column = j % kTileColumns;
    for (int64_t k = 0; k < weight.k; ++k) {
      const int64_t at = (tile * weight.groups + k / weight.group_size) * kTileColumns + column;
      const float offset = weight.offsets != nullptr ? weight.offsets[at] : 0.0f;
      const float w = value(weight, tile, column, k) * weight.scales[at] + offset;
      store(static_cast<T*>(call.out) + j * call.stride + k, splat(w), 1);
    }
  }
}

template <class T>
constexpr QuantizedKernels kernels = {matmul<T>, dequantize<T>};

}  // namespace

QuantizedTable quantized_kernels = {kernels<float>, kernels<half>, kernels<bfloat16>};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
