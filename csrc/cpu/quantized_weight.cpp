// quantized_matmul with x as it is, and dequantize. Compiled once per instruction set.
//
// For few rows of x the codes are streamed from memory once, decoded in registers and used up there. For many rows a
// panel of W is decoded into the cache, for every block of rows to pass over it.
#include "cpu/quantized_decode.h"
#include "cpu/quantized_rows.h"

namespace pytransformers {
namespace PYTRANSFORMERS_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kFewRows = 8, kRows = 8, kTiles = 3;
#elif defined(__AVX2__)
constexpr int kFewRows = 4, kRows = 6, kTiles = 1;
#else
constexpr int kFewRows = 2, kRows = 2, kTiles = 1;
#endif
constexpr int kPanelColumns = kTiles * kTileColumns;
constexpr int64_t kRun = 128;  // columns of W that are summed before the sum joins the others, which rounds less
#if defined(__FMA__)
constexpr int64_t kPanelDepth = 256;
#else
constexpr int64_t kPanelDepth = 64;  // sums that round twice a term are kept shorter
#endif
constexpr int64_t kChunkRows = 16 * kRows;

// Sums of a row of x over each group.
template <class T>
void sum_groups(const QuantizedWeight& weight, const T* x, float* sums) {
  for (int64_t group = 0, i = 0; group < weight.groups; ++group) {
    const int64_t end = smaller(i + weight.group_size, weight.k);
    Vec sum = {};
    for (; i + kLanes <= end; i += kLanes) sum += widen(x + i);
    if (i < end) sum += load(x + i, static_cast<int>(end - i));
    i = end;
    sums[group] = sum_lanes(sum);
  }
}

// Blocks of kBlock rows as float32: for each k, every row.
template <int kBlock, bool kSums>
void pack(const QuantizedCall& call, int64_t begin, int64_t end) {
  for (int64_t block = begin; block < end; ++block) {
    const int64_t row = block * kBlock, rows = smaller(kBlock, call.rows - row);
    float* packed = static_cast<float*>(call.packed) + row * call.depth;
    with_dtype(call.dtype, [&](auto zero) {
      for (int64_t r = 0; r < rows; ++r) {
        const auto* x = static_cast<const decltype(zero)*>(call.x) + (row + r) * call.x_stride;
        for (int64_t i = 0; i < call.depth; i += kLanes) {
          const int64_t left = call.weight.k - i;
          const Vec v = left >= kLanes ? widen(x + i) : left > 0 ? load(x + i, static_cast<int>(left)) : Vec{};
          float each[kLanes];
          narrow(each, v);
          for (int64_t j = 0; j < kLanes && i + j < call.depth; ++j) packed[(i + j) * rows + r] = each[j];
        }
        if (kSums && call.weight.offsets != nullptr) {
          sum_groups(call.weight, x, call.row_sums + (row + r) * call.weight.groups);
        }
      }
    });
  }
}

// ---- Few rows -------------------------------------------------------------------------------------------------------

template <class Format, int R>
void stream_tile(const QuantizedCall& call, int64_t tile, const float* x, const float* x_sums, float* out) {
  constexpr int kChains = R * kParts >= 8 ? 1 : R * kParts >= 3 ? 2 : 4;  // enough sums at once to hide their latency
  constexpr int kStep = Format::kCodes;
  const QuantizedWeight& weight = call.weight;
  const Format format;
  const uint8_t* words = weight.codes + tile * weight.tile_bytes;
  const float* scales = weight.scales + tile * weight.groups * kTileColumns;
  const float* offsets = weight.offsets != nullptr ? weight.offsets + tile * weight.groups * kTileColumns : nullptr;
  Vec total[R][kParts] = {};
  for (int64_t begin = 0; begin < call.depth; scales += kTileColumns) {
    const int64_t group_end = weight.groups == 1 ? call.depth : smaller(begin + weight.group_size, call.depth);
    Vec group[R][kParts] = {};
    while (begin < group_end) {
      const int64_t end = smaller(begin + kRun, group_end);
      Vec sums[kChains][R][kParts] = {};
      for (int64_t k = begin; k < end; k += kStep, words += 64, x += kStep * R) {
        __builtin_prefetch(words + 1024);
        UNROLL for (int p = 0; p < kParts; ++p) {
          const Bits word = load_words(words + p * kLanes * 4);
          UNROLL for (int i = 0; i < kStep; ++i) {
            const Vec w = format.decode(word, i);
            UNROLL for (int r = 0; r < R; ++r) sums[i % kChains][r][p] += w * x[i * R + r];
          }
        }
      }
      UNROLL for (int r = 0; r < R; ++r) {
        UNROLL for (int p = 0; p < kParts; ++p) {
          Vec sum = sums[0][r][p];
          UNROLL for (int i = 1; i < kChains; ++i) sum += sums[i][r][p];
          group[r][p] += sum;
        }
      }
      begin = end;
    }
    UNROLL for (int p = 0; p < kParts; ++p) {
      const Vec scale = widen(scales + p * kLanes);
      UNROLL for (int r = 0; r < R; ++r) total[r][p] += group[r][p] * scale;
      if (offsets != nullptr) {
        const Vec offset = widen(offsets + p * kLanes);
        UNROLL for (int r = 0; r < R; ++r) total[r][p] += x_sums[r * weight.groups] * offset;
      }
    }
    if (offsets != nullptr) offsets += kTileColumns, ++x_sums;
  }
  UNROLL for (int r = 0; r < R; ++r) {
    UNROLL for (int p = 0; p < kParts; ++p) narrow(out + r * kTileColumns + p * kLanes, total[r][p]);
  }
}

void run_few(const QuantizedCall& call, int64_t tile, int64_t begin, int64_t end) {
  float out[kFewRows * kTileColumns];
  for (int64_t block = begin; block < end; ++block) {
    const int64_t row = block * kFewRows, rows = smaller(kFewRows, call.rows - row);
    const float* x = static_cast<const float*>(call.packed) + row * call.depth;
    const float* x_sums = call.row_sums + row * call.weight.groups;
    with_format(call.weight.quantization, [&](auto format) {
      with_count<kFewRows>(rows, [&](auto r) {
        stream_tile<decltype(format), decltype(r)::value>(call, tile, x, x_sums, out);
      });
    });
    finish(call, row, rows, tile, 1, out, kTileColumns);
  }
}

// ---- Many rows ------------------------------------------------------------------------------------------------------

// W for columns [begin, end) of a tile: w(k, j) at out[(k - begin) * stride + j]. begin is a whole number of blocks.
void decode_tile(const QuantizedWeight& weight, int64_t tile, int64_t begin, int64_t end, float* out, int64_t stride) {
  with_format(weight.quantization, [&](auto format) {
    constexpr int kStep = decltype(format)::kCodes;
    const uint8_t* words = weight.codes + tile * weight.tile_bytes + begin / kStep * 64;
    for (int64_t k = begin; k < end; k += kStep, words += 64, out += kStep * stride) {
      const int64_t group = weight.groups == 1 ? 0 : k / weight.group_size;
      const int64_t at = (tile * weight.groups + group) * kTileColumns;
      UNROLL for (int p = 0; p < kParts; ++p) {
        const Vec scale = widen(weight.scales + at + p * kLanes);
        const Vec offset = weight.offsets != nullptr ? widen(weight.offsets + at + p * kLanes) : Vec{};
        const Bits word = load_words(words + p * kLanes * 4);
        UNROLL for (int i = 0; i < kStep; ++i) {
          narrow(out + i * stride + p * kLanes, format.decode(word, i) * scale + offset);
        }
      }
    }
  });
}

// sums (R, C tiles) += x (depth, R)^T panel (depth, C tiles), or = if `first`.
template <int R, int C>
void multiply(const float* x, const float* panel, int64_t depth, bool first, float* out) {
  Vec sums[R][C * kParts];
  UNROLL for (int r = 0; r < R; ++r) { UNROLL for (int c = 0; c < C * kParts; ++c) sums[r][c] = Vec{}; }
  for (; depth > 0; --depth, x += R, panel += kPanelColumns) {
    Vec w[C * kParts];
    UNROLL for (int c = 0; c < C * kParts; ++c) w[c] = widen(panel + c * kLanes);
    UNROLL for (int r = 0; r < R; ++r) {
      Vec value = splat(x[r]);
      KEEP_IN_REGISTER(value);
      UNROLL for (int c = 0; c < C * kParts; ++c) sums[r][c] += value * w[c];
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C * kParts; ++c) {
      float* to = out + r * kPanelColumns + c * kLanes;
      narrow(to, first ? sums[r][c] : sums[r][c] + widen(to));
    }
  }
}

void run_many(const QuantizedCall& call, int64_t panel_index, int64_t begin, int64_t end) {
  const QuantizedWeight& weight = call.weight;
  const int64_t tile = panel_index * kTiles;
  const int64_t tiles = smaller(kTiles, (weight.n + kTileColumns - 1) / kTileColumns - tile);
  alignas(64) float panel[kPanelDepth * kPanelColumns], out[kChunkRows * kPanelColumns];
  constexpr int64_t kChunkBlocks = kChunkRows / kRows;
  for (int64_t chunk = begin; chunk < end; chunk += kChunkBlocks) {
    const int64_t stop = smaller(chunk + kChunkBlocks, end);
    int64_t k = 0;
    do {  // at least once, which clears `out`
      const int64_t depth = smaller(kPanelDepth, call.depth - k);
      for (int64_t c = 0; c < tiles; ++c) {
        decode_tile(weight, tile + c, k, k + depth, panel + c * kTileColumns, kPanelColumns);
      }
      for (int64_t block = chunk; block < stop; ++block) {
        const int64_t row = block * kRows, rows = smaller(kRows, call.rows - row);
        const float* x = static_cast<const float*>(call.packed) + row * call.depth + k * rows;
        with_count<kRows>(rows, [&](auto r) {
          with_count<kTiles>(tiles, [&](auto c) {
            multiply<decltype(r)::value, decltype(c)::value>(x, panel, depth, k == 0,
                                                             out + (block - chunk) * kRows * kPanelColumns);
          });
        });
      }
    } while ((k += kPanelDepth) < call.depth);
    const int64_t row = chunk * kRows;
    finish(call, row, smaller(stop * kRows, call.rows) - row, tile, tiles, out, kPanelColumns);
  }
}

// ---- W itself -------------------------------------------------------------------------------------------------------

void dequantize(const QuantizedWeight& weight, int32_t dtype, void* out, int64_t stride, int64_t begin, int64_t end) {
  constexpr int64_t kDepth = 64;
  float decoded[kDepth * kTileColumns], row[kDepth];
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t columns = smaller(kTileColumns, weight.n - tile * kTileColumns);
    for (int64_t k = 0; k < weight.k; k += kDepth) {
      const int64_t depth = smaller(kDepth, weight.k - k);
      decode_tile(weight, tile, k, k + depth, decoded, kTileColumns);
      for (int64_t j = 0; j < columns; ++j) {
        for (int64_t i = 0; i < depth; ++i) row[i] = decoded[i * kTileColumns + j];
        with_dtype(dtype, [&](auto zero) {
          auto* to = static_cast<decltype(zero)*>(out) + (tile * kTileColumns + j) * stride + k;
          for (int64_t i = 0; i < depth; i += kLanes) {
            store(to + i, widen(row + i), static_cast<int>(smaller(kLanes, depth - i)));
          }
        });
      }
    }
  }
}

}  // namespace

extern const QuantizedWeightPaths quantized_weight_paths;
const QuantizedWeightPaths quantized_weight_paths = {{kFewRows, 1, 4, pack<kFewRows, true>, run_few},
                                                     {kRows, kTiles, 4, pack<kRows, false>, run_many},
                                                     dequantize};

}  // namespace PYTRANSFORMERS_ISA
}  // namespace pytransformers
