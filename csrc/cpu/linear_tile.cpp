// y = x W^T + b in float32 for few rows of x. Compiled once per instruction set.
//
// Both operands run along k, so a tile keeps (rows x columns) registers of partial sums and adds their lanes up at the
// end. A column of the tile is a row of W: W is streamed from memory once for each block of rows, x stays in cache.
#include "core/vector.h"
#include "cpu/linear.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

// As many sums as leave registers for one row of each operand.
#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileColumns = 3;
#elif defined(__AVX2__)
constexpr int kTileRows = 4, kTileColumns = 3;
#else
constexpr int kTileRows = 4, kTileColumns = 2;
#endif

template <int R, int C>
void tile(const LinearCall& call, int64_t row, int64_t column) {
  const float* x = call.x + row * call.x_stride;
  const float* w = call.weight + column * call.weight_stride;
  Vec sums[R][C] = {};
  int64_t k = 0;
  for (; k + kLanes <= call.k; k += kLanes) {
    Vec columns[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) columns[c] = widen(w + c * call.weight_stride + k);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vec value = widen(x + r * call.x_stride + k);
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) sums[r][c] += value * columns[c];
    }
  }
  if (const int rest = static_cast<int>(call.k - k)) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      const Vec column_rest = load(w + c * call.weight_stride + k, rest);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sums[r][c] += load(x + r * call.x_stride + k, rest) * column_rest;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    float* y = call.y + (row + r) * call.y_stride + column;
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) y[c] = sum_register(sums[r][c]) + (call.bias ? call.bias[column + c] : 0.0f);
  }
}

template <int R>
void rows(const LinearCall& call, int64_t row, int64_t begin, int64_t end) {
  int64_t column = begin;
  for (; column + kTileColumns <= end; column += kTileColumns) tile<R, kTileColumns>(call, row, column);
  for (; column < end; ++column) tile<R, 1>(call, row, column);
}

template <int R>
void last_rows(const LinearCall& call, int64_t row, int64_t begin, int64_t end) {
  if constexpr (R > 0) {
    if (call.rows - row == R) return rows<R>(call, row, begin, end);
    last_rows<R - 1>(call, row, begin, end);
  }
}

// Columns in groups whose rows of W stay in the first-level cache while every block of rows of x passes over them.
void linear(const LinearCall& call, int64_t begin, int64_t end) {
  const int64_t group = kTileColumns * 4;
  for (int64_t column = begin; column < end; column += group) {
    const int64_t stop = column + group < end ? column + group : end;
    int64_t row = 0;
    for (; row + kTileRows <= call.rows; row += kTileRows) rows<kTileRows>(call, row, column, stop);
    last_rows<kTileRows - 1>(call, row, column, stop);
  }
}

}  // namespace

extern LinearKernel* const linear_kernel = linear;

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
