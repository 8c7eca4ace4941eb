// What linear.cpp (checks, threads) hands to the kernel of linear_tile.cpp, which is compiled once per instruction set.
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
};

// Computes columns [begin, end) of y.
typedef void LinearKernel(const LinearCall& call, int64_t begin, int64_t end);

namespace baseline { LinearKernel linear_kernel; }
namespace avx2 { LinearKernel linear_kernel; }
namespace avx512 { LinearKernel linear_kernel; }

}  // namespace pytransformers
