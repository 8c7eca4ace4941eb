// What rotary.cpp (checks, threads) hands to the kernels of rotary_rows.cpp, which are compiled once per instruction
// set.
#pragma once

#include <stdint.h>

namespace pytransformers {

// Queries or keys: (batch, heads, length, d), unit stride in the last dimension. Strides in bytes.
struct RotaryHeads {
  const char* from;
  char* to;
  int64_t heads;
  int64_t from_batch, from_head, from_position;
  int64_t to_batch, to_head, to_position;
};

// Cosines or sines: row(batch, position), or with `positions` the row that these name. Strides in bytes.
struct RotaryTable {
  const char* data;
  int64_t batch, row;
};

struct RotaryCall {
  RotaryHeads tensors[2];  // `count` of them
  int count;
  RotaryTable cos, sin;
  const void* positions;  // NULL, or int32 or (wide_positions) int64
  bool wide_positions;
  int64_t positions_batch;  // from one sequence's positions to the next's, in elements
  int64_t length, width, half;  // half: r, the pairs that turn
  bool inverse;
};

// Positions [begin, end) of batch * length, all heads of each.
typedef void RotaryKernel(const RotaryCall&, int64_t begin, int64_t end);

// For one dtype of queries and one of cos and sin; [1] where pairs are interleaved.
enum RotaryDtypes {
  kRotaryFloat32, kRotaryFloat16, kRotaryFloat16Float32, kRotaryBfloat16, kRotaryBfloat16Float32, kRotaryDtypes
};
typedef RotaryKernel* const RotaryKernels[kRotaryDtypes][2];

namespace baseline { extern RotaryKernels rotary_kernels; }
namespace avx2 { extern RotaryKernels rotary_kernels; }
namespace avx512 { extern RotaryKernels rotary_kernels; }

}  // namespace pytransformers
