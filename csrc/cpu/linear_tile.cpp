// y = x W^T + b in float32 for few rows of x. Compiled once per instruction set.
//
// Both operands run along k, so a tile keeps (rows x columns) registers of partial sums and adds their lanes up at the
// end. A column of the tile is a row of W: W is streamed from memory once for each block of rows, x stays in cache.
#include "core/vector.h"
#include "cpu/linear.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

#define INLINE_MEMBER inline __attribute__((always_inline))

// As many sums as leave registers for one row of each operand.
#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileColumns = 3;
#elif defined(__AVX2__)
constexpr int kTileRows = 4, kTileColumns = 3;
#else
constexpr int kTileRows = 4, kTileColumns = 2;
#endif

// C registers, and R rows of them: nested members rather than arrays, because GCC keeps an array in memory.
template <int C>
struct Row {
  Vec first;
  Row<C - 1> others;
  INLINE_MEMBER void clear() { first = Vec{}; others.clear(); }
  INLINE_MEMBER void read(const float* p, int64_t stride) { first = widen(p); others.read(p + stride, stride); }
  INLINE_MEMBER void add(Vec x, const Row& columns) { first += x * columns.first; others.add(x, columns.others); }
  INLINE_MEMBER void write(float* y) const { *y = sum_register(first); others.write(y + 1); }
};
template <>
struct Row<0> {
  INLINE_MEMBER void clear() {}
  INLINE_MEMBER void read(const float*, int64_t) {}
  INLINE_MEMBER void add(Vec, const Row&) {}
  INLINE_MEMBER void write(float*) const {}
};

template <int R, int C>
struct Tile {
  Row<C> first;
  Tile<R - 1, C> others;
  INLINE_MEMBER void clear() { first.clear(); others.clear(); }
  INLINE_MEMBER void add(const float* x, int64_t stride, const Row<C>& columns) {
    first.add(widen(x), columns);
    others.add(x + stride, stride, columns);
  }
  INLINE_MEMBER void write(float* y, int64_t stride) const { first.write(y); others.write(y + stride, stride); }
};
template <int C>
struct Tile<0, C> {
  INLINE_MEMBER void clear() {}
  INLINE_MEMBER void add(const float*, int64_t, const Row<C>&) {}
  INLINE_MEMBER void write(float*, int64_t) const {}
};

template <int R, int C>
void tile(const LinearCall& call, int64_t row, int64_t column) {
  const float* x = call.x + row * call.x_stride;
  const float* w = call.weight + column * call.weight_stride;
  float* y = call.y + row * call.y_stride + column;
  Tile<R, C> sums;
  sums.clear();
  int64_t k = 0;
  for (; k + kLanes <= call.k; k += kLanes) {
    Row<C> columns;
    columns.read(w + k, call.weight_stride);
    sums.add(x + k, call.x_stride, columns);
  }
  sums.write(y, call.y_stride);
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) {
      float rest = call.bias ? call.bias[column + c] : 0.0f;
      for (int64_t i = k; i < call.k; ++i) rest += x[r * call.x_stride + i] * w[c * call.weight_stride + i];
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
