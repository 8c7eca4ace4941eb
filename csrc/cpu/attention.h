// What attention.cpp (checks, tasks, threads) hands to the kernels of attention_forward.cpp and attention_backward.cpp,
// which are compiled once per instruction set.
#pragma once

#include <stdint.h>

namespace pytransformers {

// A tensor of rank 4 (batch, heads, rows, columns); strides in elements, 0 where a size of 1 is repeated.
struct Strided {
  char* data;
  int64_t strides[4];
};

// Queries [query, query + queries) attend to keys [key, key + keys). Several of these make a packed batch.
struct AttentionSequence { int64_t query, queries, key, keys; };

// Rows that are worked on together: `queries` from `query` on of each of `heads` heads that share a key head. Row r is
// query r % queries of head r / queries.
struct QueryBlock {
  AttentionSequence sequence;
  int64_t batch, key_head, head, query;
  int heads, queries;
};

constexpr int kBlockRows = 64, kBlockKeys = 64;

struct AttentionCall {
  Strided query, key, value, out, mask, bias;  // data of the last two is NULL where there is none
  const float* slopes;                         // of ALiBi, or NULL
  int64_t slope_stride;
  float* lse;                                  // (batch, heads, queries) or NULL
  const AttentionSequence* sequences;
  int64_t sequence_count;
  int64_t heads, key_heads, queries, features, value_features;
  int64_t window_left, window_right;
  uint64_t seed;
  uint32_t drop_below;  // a weight is dropped where its random number is below this
  float kept;           // what the others are multiplied by
  float scale, soft_cap;
  int64_t part_width;   // of decoding: kPartHeader + value_features, rounded up to 16
  bool bias_is_float32;
};

// Each task has as many floats of scratch as `scratch` says, from the start of a cache line on.
struct AttentionForward {
  int64_t (*scratch)(const AttentionCall&);
  void (*run)(const AttentionCall&, const QueryBlock&, float* scratch);
};

// For blocks of few rows and many keys, which are cut so that all threads have some. A part is (rows, part_width): the
// greatest score and the sum of a row, and from kPartHeader on its weighted values.
constexpr int kFewRows = 8, kPartHeader = 16;

struct AttentionDecoding {
  int64_t (*scratch)(const AttentionCall&);
  // The part of keys [first, last).
  void (*run)(const AttentionCall&, const QueryBlock&, int64_t first, int64_t last, float* part, float* scratch);
  // Puts `count` parts together that lie `distance` apart.
  void (*combine)(const AttentionCall&, const QueryBlock&, const float* parts, int64_t count, int64_t distance);
};

struct AttentionGradients {
  AttentionCall call;
  Strided dout, dkey, dvalue;
  float* delta;        // (batch, heads, queries): the sums over a row of dout * out
  float* dquery;       // (chunks, batch, heads, queries, dquery_width): the shares of the chunks of keys
  float* dbias;        // of bias's sizes
  int64_t bias_sizes[4];
  int64_t batch, chunks, dquery_width;
};

struct AttentionBackward {
  int64_t (*scratch)(const AttentionCall&);
  // delta of one head.
  void (*delta)(const AttentionGradients&, int64_t batch, int64_t head);
  // dkey and dvalue for every chunks-th block of keys from block `chunk` on, and these blocks' share of dquery.
  void (*run)(const AttentionGradients&, int64_t batch, int64_t key_head, int64_t chunk, float* scratch);
  // dbias for one index of its first two dimensions, in one block of queries; of keys where all queries share a bias.
  void (*bias)(const AttentionGradients&, int64_t batch, int64_t head, int64_t block, float* scratch);
  // The sum of `count` arrays that lie `distance` apart, rounded to the dtype.
  void (*add_up)(const float* from, int64_t count, int64_t distance, void* to, int64_t width);
};

enum AttentionDtype { kAttentionFloat32, kAttentionFloat16, kAttentionBfloat16, kAttentionDtypes };
typedef const AttentionForward AttentionForwardTable[kAttentionDtypes];
typedef const AttentionDecoding AttentionDecodingTable[kAttentionDtypes];
typedef const AttentionBackward AttentionBackwardTable[kAttentionDtypes];

#define ATTENTION_TABLES                             \
  extern AttentionForwardTable attention_forward;    \
  extern AttentionDecodingTable attention_decoding;  \
  extern AttentionBackwardTable attention_backward;
namespace baseline { ATTENTION_TABLES }
namespace avx2 { ATTENTION_TABLES }
namespace avx512 { ATTENTION_TABLES }
namespace avx512_bf16 { extern AttentionForwardTable attention_forward; }

}  // namespace pytransformers
