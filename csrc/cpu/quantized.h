// What quantized.cpp (checks, threads) hands to the kernels, which are compiled once per instruction set.
#pragma once

#include <stdint.h>

namespace pytransformers {

constexpr int kTileColumns = 16;  // rows of W, which are columns of y, that lie side by side

// W as codes in tiles. A block is 64 bytes of a tile: 32 bits, a word, for each of its columns.
struct QuantizedWeight {
  const uint8_t* codes;
  const float *scales, *offsets;  // (tiles, groups, 16); offsets may be NULL
  int32_t quantization;
  int64_t n, k;
  int64_t group_size;  // columns in a group; k where there is one
  int64_t groups;
  int64_t tile_bytes;  // of codes
};

// A call, or as many of its rows as are worked on at once.
struct QuantizedCall {
  QuantizedWeight weight;
  const void* x;
  const float* bias;  // or NULL
  void* y;
  int64_t rows, x_stride, y_stride;  // elements between rows
  int32_t dtype, activation;
  int64_t depth;         // k rounded up to whole blocks
  void* packed;          // x as the path wants it: blocks of rows, zero from k to depth
  float* row_sums;       // of x in each group, (rows, groups), for few rows and offsets
  float* row_scales;     // of x, for int8_dynamic
  int32_t* row_starts;   // where the row's sums start, likewise
};

// A way to compute y: x is packed once, then every panel of tiles meets every block of rows.
struct QuantizedPath {
  int32_t block_rows, panel_tiles;
  int32_t packed_bytes;  // that an element of x takes
  void (*pack)(const QuantizedCall& call, int64_t begin, int64_t end);                // blocks of rows
  void (*run)(const QuantizedCall& call, int64_t panel, int64_t begin, int64_t end);  // of y: a panel, blocks of rows
};

struct QuantizedWeightPaths {
  QuantizedPath few, many;  // rows
  void (*dequantize)(const QuantizedWeight& weight, int32_t dtype, void* out, int64_t stride, int64_t begin,
                     int64_t end);
};

#define DECLARE_COPY(isa)                                    \
  namespace isa {                                            \
  extern const QuantizedWeightPaths quantized_weight_paths;  \
  extern const QuantizedPath quantized_dynamic_path;         \
  }
DECLARE_COPY(baseline)
DECLARE_COPY(avx2)
DECLARE_COPY(avx512)
DECLARE_COPY(avx512_vnni)
#undef DECLARE_COPY

}  // namespace pytransformers
