// What quantized.cpp (checks, threads) hands to the kernels, which are compiled once per instruction set.
#pragma once

#include <stdint.h>

namespace pytransformers {

constexpr int kTileColumns = 16;  // rows of W, which are columns of y, that lie side by side

// W as codes in tiles; a word is the 32 bits of codes that a column of the tile has in a block.
struct QuantizedWeight {
  const uint8_t* codes;
  const float *scales, *offsets;  // (tiles, groups, 16); offsets may be NULL
  int32_t quantization;
  int64_t n, k;
  int64_t group_size;   // columns in a group; k where there is one
  int64_t groups;
  int64_t tile_bytes;   // of codes
};

struct QuantizedCall {
  QuantizedWeight weight;
  const void* x;
  const float* bias;  // or NULL
  void* y;
  int64_t rows, x_stride, y_stride;  // elements between rows
  int32_t activation;
};

struct DequantizeCall {
  QuantizedWeight weight;
  void* out;
  int64_t stride;
};

// For one dtype of x and y: tiles [begin, end) of y, or of W.
struct QuantizedKernels {
  void (*matmul)(const QuantizedCall& call, int64_t begin, int64_t end);
  void (*dequantize)(const DequantizeCall& call, int64_t begin, int64_t end);
};
typedef const QuantizedKernels QuantizedTable[3];  // indexed by pytransformers_dtype

namespace baseline { extern QuantizedTable quantized_kernels; }
namespace avx2 { extern QuantizedTable quantized_kernels; }
namespace avx512 { extern QuantizedTable quantized_kernels; }

}  // namespace pytransformers
