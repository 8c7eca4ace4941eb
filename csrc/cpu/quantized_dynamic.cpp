// quantized_matmul with int8_dynamic: rows of x rounded to int8, sums of products of integers. Compiled once per
// instruction set.
//
// A word holds four codes of a column of W, one after the other along k. Four codes of a row of x, broadcast, meet
// those of all columns at once: with VNNI by vpdpbusd, which takes W's as unsigned bytes (code + 128, so that sums
// start at -128 times the sum of the row's codes); elsewhere as two pairs of 16 bits.
#include "cpu/quantized_rows.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

#if defined(__AVX512VNNI__)
constexpr int kRows = 8, kTiles = 3, kXWords = 1;  // kXWords: that four codes of x take
#elif defined(__AVX512F__)
constexpr int kRows = 8, kTiles = 2, kXWords = 2;
#elif defined(__AVX2__)
constexpr int kRows = 4, kTiles = 1, kXWords = 2;
#else
constexpr int kRows = 2, kTiles = 1, kXWords = 2;
#endif

INLINE Ints splat_int(int32_t value) { return value - Ints{}; }

#if defined(__AVX512VNNI__)
struct Codes { Bits bytes; };
INLINE Codes spread(Bits words) { return {words ^ 0x80808080u}; }
INLINE Ints add_products(Ints sums, const int32_t* x, Codes w) {
  return (Ints)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)w.bytes, (__m512i)splat_int(*x));
}
#else
typedef int16_t Pairs __attribute__((vector_size(kLanes * 4)));
typedef uint16_t UnsignedPairs __attribute__((vector_size(kLanes * 4)));
struct Codes { Pairs even, odd; };  // 0 and 2, 1 and 3
INLINE Codes spread(Bits words) { return {(Pairs)((UnsignedPairs)words << 8) >> 8, (Pairs)words >> 8}; }
INLINE Ints multiply_pairs(Pairs a, Pairs b) {
#if defined(__AVX512F__)
  return (Ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (Ints)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  return ((Ints)((Bits)a << 16) >> 16) * ((Ints)((Bits)b << 16) >> 16) + ((Ints)a >> 16) * ((Ints)b >> 16);
#endif
}
INLINE Ints add_products(Ints sums, const int32_t* x, Codes w) {
  return sums + multiply_pairs((Pairs)splat_int(x[0]), w.even) + multiply_pairs((Pairs)splat_int(x[1]), w.odd);
}
#endif

// The codes of one row, at places that lie `stride` words apart, its scale, and where its sums start.
template <class T>
void pack_row(const QuantizedCall& call, const T* x, int32_t* words, int64_t stride, float* scale, int32_t* start) {
  const int64_t k = call.weight.k;
  Ints most = {};  // magnitudes compare as integers do, NaN above infinity
  for (int64_t i = 0; i < k; i += kLanes) {
    const Ints bits = (Ints)magnitude(load(x + i, static_cast<int>(smaller(kLanes, k - i))));
    most = bits > most ? bits : most;
  }
  int32_t largest_bits = 0;
  for (int i = 0; i < kLanes; ++i) largest_bits = most[i] > largest_bits ? most[i] : largest_bits;
  float largest, inverse = 0.0f;
  __builtin_memcpy(&largest, &largest_bits, 4);
  const bool finite = largest_bits < 0x7f800000;
  *scale = finite ? 0.0f : __builtin_nanf("");
  if (finite && largest >= 0x1p-100f) {
    inverse = 127.0f / largest;
    *scale = largest / 127.0f;
  }
  *start = 0;
  [[maybe_unused]] Ints sum = {};
  for (int64_t i = 0; i < call.depth; i += kLanes) {
    const int64_t left = k - i;
    Vec v = left >= kLanes ? widen(x + i) : left > 0 ? load(x + i, static_cast<int>(left)) : Vec{};
    v *= inverse;
    KEEP_IN_REGISTER(v);  // the product is rounded by itself, as the contract says
    Ints codes = (Ints)(v + 0x1.8p23f) - 0x4b400000;  // adding so much leaves the nearest integer in the low bits
    codes = finite ? codes : Ints{};
#if defined(__AVX512VNNI__)
    typedef int8_t Bytes __attribute__((vector_size(kLanes)));
    const Bytes bytes = __builtin_convertvector(codes, Bytes);
    sum += codes;
    int32_t each[kLanes / 4];
    __builtin_memcpy(each, &bytes, sizeof bytes);
    for (int j = 0; j < kLanes && i + j < call.depth; j += 4, words += stride) words[0] = each[j / 4];
#else
    int32_t each[kLanes];
    __builtin_memcpy(each, &codes, sizeof codes);
    for (int j = 0; j < kLanes && i + j < call.depth; j += 4, words += stride) {
      words[0] = static_cast<int32_t>((each[j] & 0xffff) | static_cast<uint32_t>(each[j + 2]) << 16);
      words[1] = static_cast<int32_t>((each[j + 1] & 0xffff) | static_cast<uint32_t>(each[j + 3]) << 16);
    }
#endif
  }
#if defined(__AVX512VNNI__)
  for (int i = 0; i < kLanes; ++i) *start -= 128 * sum[i];
#endif
}

// Blocks of kRows rows: for each four of k, the words of every row.
void pack(const QuantizedCall& call, int64_t begin, int64_t end) {
  for (int64_t block = begin; block < end; ++block) {
    const int64_t row = block * kRows, rows = smaller(kRows, call.rows - row);
    int32_t* words = static_cast<int32_t*>(call.packed) + row * call.depth / 4 * kXWords;
    with_dtype(call.dtype, [&](auto zero) {
      for (int64_t r = 0; r < rows; ++r) {
        pack_row(call, static_cast<const decltype(zero)*>(call.x) + (row + r) * call.x_stride, words + r * kXWords,
                 rows * kXWords, call.row_scales + row + r, call.row_starts + row + r);
      }
    });
  }
}

// R rows and C tiles: all sums in registers while k runs.
template <int R, int C>
void multiply(const QuantizedCall& call, int64_t row, int64_t tile, float* out) {
  const QuantizedWeight& weight = call.weight;
  const int32_t* x = static_cast<const int32_t*>(call.packed) + row * call.depth / 4 * kXWords;
  const uint8_t* w = weight.codes + tile * weight.tile_bytes;
  Ints sums[R][C * kParts];
  UNROLL for (int r = 0; r < R; ++r) {
    UNROLL for (int c = 0; c < C * kParts; ++c) sums[r][c] = splat_int(call.row_starts[row + r]);
  }
  for (int64_t left = weight.tile_bytes; left > 0; left -= 64, w += 64, x += R * kXWords) {
    Codes codes[C * kParts];
    UNROLL for (int c = 0; c < C * kParts; ++c) {
      codes[c] = spread(load_words(w + c / kParts * weight.tile_bytes + c % kParts * kLanes * 4));
    }
    UNROLL for (int r = 0; r < R; ++r) {
      UNROLL for (int c = 0; c < C * kParts; ++c) sums[r][c] = add_products(sums[r][c], x + r * kXWords, codes[c]);
    }
  }
  UNROLL for (int r = 0; r < R; ++r) {
    const float scale = call.row_scales[row + r];
    UNROLL for (int c = 0; c < C * kParts; ++c) {
      const Vec scales = widen(weight.scales + tile * kTileColumns + c * kLanes);
      narrow(out + r * kTiles * kTileColumns + c * kLanes, __builtin_convertvector(sums[r][c], Vec) * (scales * scale));
    }
  }
}

void run(const QuantizedCall& call, int64_t panel, int64_t begin, int64_t end) {
  const QuantizedWeight& weight = call.weight;
  const int64_t tile = panel * kTiles, tiles = smaller(kTiles, (weight.n + kTileColumns - 1) / kTileColumns - tile);
  float out[kRows * kTiles * kTileColumns];
  for (int64_t block = begin; block < end; ++block) {
    const int64_t row = block * kRows, rows = smaller(kRows, call.rows - row);
    with_count<kRows>(rows, [&](auto r) {
      with_count<kTiles>(tiles, [&](auto c) {
        multiply<decltype(r)::value, decltype(c)::value>(call, row, tile, out);
      });
    });
    finish(call, row, rows, tile, tiles, out, kTiles * kTileColumns);
  }
}

}  // namespace

extern const QuantizedPath quantized_dynamic_path;
const QuantizedPath quantized_dynamic_path = {kRows, kTiles, kXWords, pack, run};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
