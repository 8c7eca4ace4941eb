// What linear.cpp (checks, threads) hands to the kernels, which are compiled once per instruction set.
#pragma once

#include <stdint.h>

namespace pytransformers {

struct LinearCall {
  const float* x;       // (rows, k)
  const float* weight;  // (columns, k)
  const float* bias;    // (columns,), or NULL
  float* y;             // (rows, columns)
  int64_t rows, k, columns;
  int64_t x_stride, weight_stride, y_stride;  // elements between rows
  int32_t activation;                         // pytransformers_activation
};

// A block of y: rows [row, row_end) and columns [column, column_end).
struct LinearBlock {
  int64_t row, row_end, column, column_end;
};

// Columns of W at a time, and how much of each, that a thread keeps turned round in its second-level cache.
constexpr int64_t kPackedColumns = 192, kPackedDepth = 384;

// Few rows of x: nothing is packed, `scratch` is NULL. Many rows: it holds kPackedColumns * kPackedDepth floats, aligned
// to 64 bytes, and blocks begin at multiples of kPackedColumns.
typedef void LinearKernel(const LinearCall& call, const LinearBlock& block, float* scratch);

namespace baseline { LinearKernel linear_few_rows, linear_many_rows; }
namespace avx2 { LinearKernel linear_few_rows, linear_many_rows; }
namespace avx512 { LinearKernel linear_few_rows, linear_many_rows; }

}  // namespace pytransformers
