// Tiles of matrices in float32: transposing a register block, packing, and the product that all of attention is made of.
#pragma once

#include "core/vector_math.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

#define UNROLL _Pragma("GCC unroll 16")

INLINE int64_t padded(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }
INLINE int lanes_left(int64_t count) { return count < kLanes ? static_cast<int>(count) : kLanes; }

// Element i of the first half of a, then of b, alternating; then of the second halves.
#if defined(__AVX512F__)
#define INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX2__)
#define INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define INTERLEAVE_LOW 0, 4, 1, 5
#define INTERLEAVE_HIGH 2, 6, 3, 7
#endif

// kLanes rows become columns: each step interleaves the first half of the rows with the second.
INLINE void transpose(Vec (&rows)[kLanes]) {
  UNROLL for (int step = 1; step < kLanes; step *= 2) {
    Vec next[kLanes];
    UNROLL for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + kLanes / 2], INTERLEAVE_LOW);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + kLanes / 2], INTERLEAVE_HIGH);
    }
    UNROLL for (int i = 0; i < kLanes; ++i) rows[i] = next[i];
  }
}

// to[column][row] = read(row, column, count), which gives `count` columns of a row in a register. The rows are filled
// up with zeros to whole registers.
template <class Read>
INLINE void pack_transposed(int64_t rows, int64_t columns, Read read, float* to, int64_t to_row) {
  for (int64_t r = 0; r < rows; r += kLanes) {
    for (int64_t c = 0; c < columns; c += kLanes) {
      const int count = lanes_left(columns - c);
      Vec block[kLanes];
      UNROLL for (int i = 0; i < kLanes; ++i) block[i] = r + i < rows ? read(r + i, c, count) : Vec{};
      transpose(block);
      for (int i = 0; i < count; ++i) narrow(to + (c + i) * to_row + r, block[i]);
    }
  }
}

// Rows of T as floats, filled up with zeros to whole registers.
template <class T>
INLINE void pack_rows(const T* from, int64_t from_row, int64_t rows, int64_t columns, float* to) {
  const int64_t to_row = padded(columns);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; c += kLanes) {
      narrow(to + r * to_row + c, load(from + r * from_row + c, lanes_left(columns - c)));
    }
  }
}

template <class T>
INLINE void unpack_rows(const float* from, int64_t rows, int64_t columns, T* to, int64_t to_row) {
  const int64_t from_row = padded(columns);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; c += kLanes) {
      store(to + r * to_row + c, widen(from + r * from_row + c), lanes_left(columns - c));
    }
  }
}

// One operand of a product whose elements are read one by one: element (i, k) is data[i * row + k * step].
struct Scalars { const float* data; int64_t row, step; };

enum Start { kFromZero, kAdd, kAddScaled };  // c = ab, c = c + ab, c = c * factors + ab with one factor for each column

// R rows and C registers of columns of c. Three rows share a pointer: their distances fit into one addressing mode.
template <int R, int C>
void multiply_tile(int64_t depth, Scalars a, const float* b, int64_t b_row, float* c, int64_t c_row, Start start,
                   const float* factors) {
  Vec sums[R][C];
  UNROLL for (int i = 0; i < R; ++i) {
    UNROLL for (int j = 0; j < C; ++j) {
      sums[i][j] = start == kFromZero ? Vec{} : widen(c + i * c_row + j * kLanes);
      if (start == kAddScaled) sums[i][j] *= widen(factors + j * kLanes);
    }
  }
  const float* rows[(R + 2) / 3];
  UNROLL for (int i = 0; i < R; i += 3) rows[i / 3] = a.data + i * a.row;
  for (int64_t k = 0; k < depth; ++k) {
    Vec columns[C];
    UNROLL for (int j = 0; j < C; ++j) columns[j] = widen(b + j * kLanes);
    UNROLL for (int i = 0; i < R; ++i) {
      Vec value = splat(rows[i / 3][i % 3 * a.row]);
      KEEP_IN_REGISTER(value);
      UNROLL for (int j = 0; j < C; ++j) sums[i][j] += value * columns[j];
    }
    b += b_row;
    UNROLL for (int i = 0; i < R; i += 3) rows[i / 3] += a.step;
  }
  UNROLL for (int i = 0; i < R; ++i) {
    UNROLL for (int j = 0; j < C; ++j) narrow(c + i * c_row + j * kLanes, sums[i][j]);
  }
}

#if defined(__AVX512F__)
constexpr int kTileColumns = 4, kRegisters = 24;  // sums that leave registers for one row of b and an element of a
#else
constexpr int kTileColumns = 2, kRegisters = 12;
#endif

template <int C>
void multiply_columns(int64_t rows, int64_t depth, Scalars a, const float* b, int64_t b_row, float* c, int64_t c_row,
                      Start start, const float* factors) {
  int64_t i = 0;
  const auto tiles = [&](auto tile, int64_t size) __attribute__((always_inline)) {
    for (; i + size <= rows; i += size) {
      tile(depth, Scalars{a.data + i * a.row, a.row, a.step}, b, b_row, c + i * c_row, c_row, start, factors);
    }
  };
  if constexpr (12 * C <= kRegisters) tiles(multiply_tile<12, C>, 12);
  tiles(multiply_tile<6, C>, 6);
  tiles(multiply_tile<3, C>, 3);
  tiles(multiply_tile<1, C>, 1);
}

// c (rows, registers * kLanes) from a (rows, depth) and b (depth, registers * kLanes).
static inline void multiply(int64_t rows, int64_t registers, int64_t depth, Scalars a, const float* b, int64_t b_row,
                            float* c, int64_t c_row, Start start, const float* factors) {
  for (; registers > 0; registers -= kTileColumns) {
    if (registers >= kTileColumns) {
      multiply_columns<kTileColumns>(rows, depth, a, b, b_row, c, c_row, start, factors);
    } else if (registers == 1) {
      multiply_columns<1>(rows, depth, a, b, b_row, c, c_row, start, factors);
    } else if constexpr (kTileColumns > 2) {
      if (registers == 2) multiply_columns<2>(rows, depth, a, b, b_row, c, c_row, start, factors);
      else multiply_columns<3>(rows, depth, a, b, b_row, c, c_row, start, factors);
    }
    b += kTileColumns * kLanes;
    c += kTileColumns * kLanes;
    if (factors != nullptr) factors += kTileColumns * kLanes;
  }
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
