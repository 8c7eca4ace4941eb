// y = activation(x W^T + b) in float32 for few rows of x. Compiled once per instruction set.
//
// Both operands run along k, so a tile keeps (rows x columns) registers of partial sums and adds their lanes up at the
// end. A column of the tile is a row of W: W is streamed from memory once for each block of rows, x stays in cache.
#include "cpu/activation.h"
#include "cpu/linear.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

// As many sums as leave registers for one row of each operand. Rows come in fours: see sum_four.
#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileColumns = 3;
#elif defined(__AVX2__)
constexpr int kTileRows = 4, kTileColumns = 3;
#else
constexpr int kTileRows = 4, kTileColumns = 2;
#endif

template <int R, int C>
void tile(const LinearCall& call, int64_t row, int64_t column) {
  const int64_t x_stride = call.x_stride, weight_stride = call.weight_stride, whole = call.k - call.k % kLanes;
  const float* x = call.x + row * x_stride;
  const float* w = call.weight + column * weight_stride;
  float* y = call.y + row * call.y_stride + column;
  Vec sums[C][R];
  UNROLL for (int c = 0; c < C; ++c) { UNROLL for (int r = 0; r < R; ++r) sums[c][r] = Vec{}; }
  for (int64_t k = 0; k < whole; k += kLanes) {
    Vec columns[C];
    UNROLL for (int c = 0; c < C; ++c) {
      columns[c] = widen(w + c * weight_stride + k);
      __builtin_prefetch(w + (c + C) * weight_stride + k);  // the next tile's, as its runs are too short to be guessed
    }
    UNROLL for (int r = 0; r < R; ++r) {
      Vec value = widen(x + r * x_stride + k);
      KEEP_IN_REGISTER(value);  // or GCC loads it again for each column
      UNROLL for (int c = 0; c < C; ++c) sums[c][r] += value * columns[c];
    }
  }
  UNROLL for (int c = 0; c < C; ++c) {
    if constexpr (R % 4 == 0) {
      UNROLL for (int r = 0; r < R; r += 4) {
        const Four four = sum_four(sums[c][r], sums[c][r + 1], sums[c][r + 2], sums[c][r + 3]);
        UNROLL for (int i = 0; i < 4; ++i) y[(r + i) * call.y_stride + c] = four[i];
      }
    } else {
      UNROLL for (int r = 0; r < R; ++r) y[r * call.y_stride + c] = sum_four(sums[c][r], Vec{}, Vec{}, Vec{})[0];
    }
  }
  if (whole == call.k) return;
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) {
      float rest = 0.0f;
      for (int64_t k = whole; k < call.k; ++k) rest += x[r * x_stride + k] * w[c * weight_stride + k];
      y[r * call.y_stride + c] += rest;
    }
  }
}

template <int R>
void rows(const LinearCall& call, int64_t row, int64_t begin, int64_t end) {
  int64_t column = begin;
  for (; column + kTileColumns <= end; column += kTileColumns) tile<R, kTileColumns>(call, row, column);
  for (; column < end; ++column) tile<R, 1>(call, row, column);
}

}  // namespace

// Columns in groups whose rows of W stay in the first-level cache while every block of rows of x passes over them.
void linear_few_rows(const LinearCall& call, const LinearBlock& block, float*) {
  constexpr int64_t group = kTileColumns * 2;
  for (int64_t column = block.column; column < block.column_end; column += group) {
    const int64_t stop = column + group < block.column_end ? column + group : block.column_end;
    int64_t row = block.row;
    for (; row + kTileRows <= block.row_end; row += kTileRows) rows<kTileRows>(call, row, column, stop);
    const int64_t rest = block.row_end - row;
    if (kTileRows > 4 && rest & 4) rows<4>(call, row, column, stop), row += 4;
    if (rest & 2) rows<2>(call, row, column, stop), row += 2;
    if (rest & 1) rows<1>(call, row, column, stop);
  }
  add_bias_and_activate(call.y + block.row * call.y_stride + block.column, call.y_stride, block.row_end - block.row,
                        block.column_end - block.column, call.bias ? call.bias + block.column : nullptr,
                        call.activation);
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
