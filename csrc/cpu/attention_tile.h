// Tiles of matrices in float32: transposing a block of registers, packing, and the product that attention is made of.
#pragma once

#include "core/vector_math.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {

INLINE int64_t padded(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }
INLINE int lanes_left(int64_t count) { return count < kLanes ? static_cast<int>(count) : kLanes; }

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

// What a product multiplies: a float, or two neighbouring bfloat16 of the dimension that is summed over.
struct Pair { bfloat16 low, high; };

INLINE Vec spread(const float* p) { return splat(*p); }
INLINE Vec fetch(const float* p) { return widen(p); }
INLINE void accumulate(Vec& sum, Vec a, Vec b) { sum += a * b; }
#if defined(__AVX512BF16__)
INLINE Bits spread(const Pair* p) { uint32_t bits; __builtin_memcpy(&bits, p, sizeof bits); return bits + Bits{}; }
INLINE Bits fetch(const Pair* p) { Bits bits; __builtin_memcpy(&bits, p, sizeof bits); return bits; }
INLINE void accumulate(Vec& sum, Bits a, Bits b) {
  sum = (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#endif

// The operand of a product that is read element by element: (i, k) is data[i * row + k * step].
template <class E>
struct Scalars { const E* data; int64_t row, step; };

enum Start { kFromZero, kAdd, kAddScaled };  // c = ab, c = c + ab, c = c * factors + ab with one factor for each column

// R rows and C registers of columns of c. Three rows share a pointer: their distances fit into one addressing mode.
template <int R, int C, class E>
void multiply_tile(int64_t depth, Scalars<E> a, const E* b, int64_t b_row, float* c, int64_t c_row, Start start,
                   const float* factors) {
  Vec sums[R][C];
  UNROLL for (int i = 0; i < R; ++i) { UNROLL for (int j = 0; j < C; ++j) sums[i][j] = Vec{}; }
  const E* rows[(R + 2) / 3];
  UNROLL for (int i = 0; i < R; i += 3) rows[i / 3] = a.data + i * a.row;
  for (int64_t k = 0; k < depth; ++k) {
    decltype(fetch(b)) columns[C];
    UNROLL for (int j = 0; j < C; ++j) columns[j] = fetch(b + j * kLanes);
    UNROLL for (int i = 0; i < R; ++i) {
      auto value = spread(rows[i / 3] + i % 3 * a.row);
      KEEP_IN_REGISTER(value);
      UNROLL for (int j = 0; j < C; ++j) accumulate(sums[i][j], value, columns[j]);
    }
    b += b_row;
    UNROLL for (int i = 0; i < R; i += 3) rows[i / 3] += a.step;
  }
  UNROLL for (int j = 0; j < C; ++j) {
    const Vec factor = start == kAddScaled ? widen(factors + j * kLanes) : splat(1.0f);
    UNROLL for (int i = 0; i < R; ++i) {
      float* const to = c + i * c_row + j * kLanes;
      narrow(to, start == kFromZero ? sums[i][j] : widen(to) * factor + sums[i][j]);
    }
  }
}

// As many sums as leave registers for a row of b and an element of a.
#if defined(__AVX512F__)
constexpr int kTileColumns = 4, kRegisters = 24;
#else
constexpr int kTileColumns = 2, kRegisters = 12;
#endif

template <int C, class E>
void multiply_columns(int64_t rows, int64_t depth, Scalars<E> a, const E* b, int64_t b_row, float* c, int64_t c_row,
                      Start start, const float* factors) {
  int64_t i = 0;
  const auto tiles = [&](auto tile, int64_t size) __attribute__((always_inline)) {
    for (; i + size <= rows; i += size) {
      tile(depth, Scalars<E>{a.data + i * a.row, a.row, a.step}, b, b_row, c + i * c_row, c_row, start, factors);
    }
  };
  if constexpr (12 * C <= kRegisters) tiles(multiply_tile<12, C, E>, 12);
  tiles(multiply_tile<6, C, E>, 6);
  tiles(multiply_tile<4, C, E>, 4);
  tiles(multiply_tile<2, C, E>, 2);
  tiles(multiply_tile<1, C, E>, 1);
}

// c (rows, registers * kLanes) from a (rows, depth) and b (depth, registers * kLanes). No sum runs over more than
// kDepth products before it is added to c, which keeps its rounding error small.
template <class E>
void multiply(int64_t rows, int64_t registers, int64_t depth, Scalars<E> a, const E* b, int64_t b_row, float* c,
              int64_t c_row, Start start, const float* factors) {
  constexpr int64_t kDepth = 64;
  for (int64_t k = 0; k < depth || k == 0; k += kDepth) {
    const int64_t now = depth - k < kDepth ? depth - k : kDepth;
    for (int64_t j = 0; j < registers; j += kTileColumns) {
      const auto columns = [&](auto columns) __attribute__((always_inline)) {
        columns(rows, now, Scalars<E>{a.data + k * a.step, a.row, a.step}, b + k * b_row + j * kLanes, b_row,
                c + j * kLanes, c_row, start, start == kAddScaled ? factors + j * kLanes : nullptr);
      };
      if (registers - j >= kTileColumns) columns(multiply_columns<kTileColumns, E>);
      else if (registers - j == 1) columns(multiply_columns<1, E>);
#if defined(__AVX512F__)
      else if (registers - j == 2) columns(multiply_columns<2, E>);
      else columns(multiply_columns<3, E>);
#endif
    }
    start = kAdd;
  }
}

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
