// The C interface of the kernel library: the only thing a binding includes.
// No framework, Python or C++ type crosses it. Every function checks its arguments before it touches memory,
// returns a pytransformers_status and leaves the reason of a failure in pytransformers_last_error().
#pragma once

#include <stdint.h>

#define PYTRANSFORMERS_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PYTRANSFORMERS_OK = 0,
  PYTRANSFORMERS_INVALID_ARGUMENT = 1,
  PYTRANSFORMERS_OUT_OF_MEMORY = 2,
} pytransformers_status;

typedef enum {
  PYTRANSFORMERS_FLOAT32 = 0,
  PYTRANSFORMERS_FLOAT16 = 1,
  PYTRANSFORMERS_BFLOAT16 = 2,
  PYTRANSFORMERS_OTHER = 3,  // what a binding passes for a dtype that no kernel takes
  PYTRANSFORMERS_BOOL = 4,   // one byte, zero or not
  PYTRANSFORMERS_INT8 = 5,
  PYTRANSFORMERS_UINT8 = 6,
  PYTRANSFORMERS_INT32 = 7,
  PYTRANSFORMERS_INT64 = 8,
} pytransformers_dtype;

// A borrowed view. Strides count elements; NULL strides mean row-major and dense.
typedef struct {
  void* data;
  const int64_t* sizes;
  const int64_t* strides;
  int32_t rank;
  int32_t dtype;
} pytransformers_tensor;

// The host's threads. `parallel_for` calls `task(begin, end, context)` over disjoint ranges that cover [0, count),
// each of at least `grain` indices but the last, and returns when all are done. NULL means: run in this thread.
typedef void (*pytransformers_task)(int64_t begin, int64_t end, void* context);
typedef struct {
  void (*parallel_for)(void* host, int64_t count, int64_t grain, pytransformers_task task, void* context);
  void* host;
} pytransformers_parallel;

// The message of the last failure in this thread.
PYTRANSFORMERS_EXPORT const char* pytransformers_last_error(void);

// What the kernels run on: "baseline", "avx2", "avx512", "avx512_vnni" or "avx512_bf16"; at first the best that this
// processor has, or what PYTRANSFORMERS_INSTRUCTION_SET names. The setter takes any that this processor has; the name at
// an index, from 0 on, is NULL past the last of those.
PYTRANSFORMERS_EXPORT const char* pytransformers_instruction_set(void);
PYTRANSFORMERS_EXPORT const char* pytransformers_instruction_set_name(int32_t index);
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_set_instruction_set(const char* name);

// A small thread pool for hosts that offer none (TensorFlow's C API, NumPy). Started at first use.
PYTRANSFORMERS_EXPORT const pytransformers_parallel* pytransformers_thread_pool(void);

// y = (s - mean(s)) / sqrt(var(s) + eps) * weight + bias over the last dimension, with s = x + residual.
// x, residual, y, sum: (..., d) of one dtype, unit stride in the last dimension. weight, bias: (d,) dense, of x's dtype
// or float32, both of one dtype. NULL leaves out residual, weight or bias; `sum` receives s, exactly when residual is
// given. Sums are float32 whatever the dtype. (Ba, Kiros, Hinton 2016.)
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_layer_norm(
    const pytransformers_tensor* x, const pytransformers_tensor* residual, const pytransformers_tensor* weight,
    const pytransformers_tensor* bias, double eps, const pytransformers_tensor* y, const pytransformers_tensor* sum,
    const pytransformers_parallel* parallel);

// Gradients of the above. x is what was normalised (s where there was a residual); dsum, or NULL, is the gradient that
// arrived at s from elsewhere and is added to dx. NULL dweight or dbias is not computed; they have the weights' dtype.
// Results do not depend on the number of threads.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_layer_norm_backward(
    const pytransformers_tensor* dy, const pytransformers_tensor* dsum, const pytransformers_tensor* x,
    const pytransformers_tensor* weight, double eps, const pytransformers_tensor* dx,
    const pytransformers_tensor* dweight, const pytransformers_tensor* dbias, const pytransformers_parallel* parallel);

// y = s / sqrt(mean(s * s) + eps) * weight. (Zhang, Sennrich 2019.) Arguments as for layer_norm.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_rms_norm(
    const pytransformers_tensor* x, const pytransformers_tensor* residual, const pytransformers_tensor* weight,
    double eps, const pytransformers_tensor* y, const pytransformers_tensor* sum,
    const pytransformers_parallel* parallel);

PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_rms_norm_backward(
    const pytransformers_tensor* dy, const pytransformers_tensor* dsum, const pytransformers_tensor* x,
    const pytransformers_tensor* weight, double eps, const pytransformers_tensor* dx,
    const pytransformers_tensor* dweight, const pytransformers_parallel* parallel);

typedef enum {
  PYTRANSFORMERS_IDENTITY = 0,
  PYTRANSFORMERS_RELU = 1,
  PYTRANSFORMERS_GELU = 2,       // x * Phi(x), with the error function
  PYTRANSFORMERS_GELU_TANH = 3,  // its approximation by tanh
  PYTRANSFORMERS_SILU = 4,
} pytransformers_activation;

// ys[i] = activation(x weights[i]^T + biases[i]) in float32, for `count` (1 to 8) weights that share x. x: (..., k) whose
// rows lie at one distance; weights[i]: (n_i, k), rows at one distance; biases[i]: (n_i,) dense, or NULL (as may be
// `biases`); ys[i]: (..., n_i), rows at one distance.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_linear(
    const pytransformers_tensor* x, int32_t count, const pytransformers_tensor* const* weights,
    const pytransformers_tensor* const* biases, int32_t activation, const pytransformers_tensor* const* ys,
    const pytransformers_parallel* parallel);

// What attention is told beside its tensors. Set all to zero first, then scale and windows. Tensors may be NULL.
typedef struct {
  const pytransformers_tensor* mask;           // BOOL, rank 4, sizes 1 or those of (batch, heads, q, k): attends where set
  const pytransformers_tensor* bias;           // query's dtype or FLOAT32, likewise, added to the scores
  const pytransformers_tensor* alibi_slopes;   // FLOAT32 (heads,): adds -slope * |p - j|
  const pytransformers_tensor* query_offsets;  // INT32 (sequences + 1,), rising from 0 to q: packed sequences, batch 1
  const pytransformers_tensor* key_offsets;    // INT32 (sequences + 1,), rising from 0 to k, exactly with the above
  double scale;                                // on q k^T
  double soft_cap;                             // 0, or s becomes soft_cap * tanh(s / soft_cap) after scaling
  double dropout;                              // probability of dropping a weight, 0 <= dropout < 1
  uint64_t dropout_seed;                       // backward draws the same again from it
  int64_t window_left, window_right;           // p attends to [p - left, p + right]; negative: no limit
  int32_t causal;                              // not 0: as window_right = 0
} pytransformers_attention_options;

// out = softmax(scores) value, scores = soft_cap(scale * query key^T) + bias - slope * |p - j|, where allowed. Query i of a
// sequence stands at p = i + (k - q), so that the last query meets the last key. A query with nothing to attend to gives
// zeros. query: (batch, heads, q, d); key: (batch, kv_heads, k, d); value: (batch, kv_heads, k, d_v); kv_heads divides
// heads; out: (batch, heads, q, d_v): all of one floating dtype, any strides but 1 in the last dimension. lse, or NULL:
// FLOAT32 (batch, heads, q) dense, receives log(sum(exp(scores))), -infinity for a query with nothing to attend to.
// Sums are float32 whatever the dtype; scores are never held whole. (Dao 2023, arXiv:2307.08691; Milakov, Gimelshein 2018.)
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_attention(
    const pytransformers_tensor* query, const pytransformers_tensor* key, const pytransformers_tensor* value,
    const pytransformers_attention_options* options, const pytransformers_tensor* out, const pytransformers_tensor* lse,
    const pytransformers_parallel* parallel);

// Gradients of the above, from what it was given and gave. Scores are computed again. dbias, or NULL: of bias's sizes and
// dtype, dense. Results do not depend on the number of threads.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_attention_backward(
    const pytransformers_tensor* dout, const pytransformers_tensor* query, const pytransformers_tensor* key,
    const pytransformers_tensor* value, const pytransformers_tensor* out, const pytransformers_tensor* lse,
    const pytransformers_attention_options* options, const pytransformers_tensor* dquery,
    const pytransformers_tensor* dkey, const pytransformers_tensor* dvalue, const pytransformers_tensor* dbias,
    const pytransformers_parallel* parallel);

// Turns pairs of the first 2 * r features of each query and key by the angles whose cosines and sines are given: features
// (i, i + r), or (2i, 2i + 1) if `interleaved`; the other features are copied. `inverse` turns back, which is the
// gradient. query: (batch, heads, length, d), key: (batch, kv_heads, length, d) or NULL, any strides but 1 in the last
// dimension; results alike, and may be the very memory of the inputs. cos, sin: FLOAT32 or query's dtype, (batch | 1,
// length, r), any strides but 1 in the last; or with positions (INT32 or INT64, (batch | 1, length), dense) tables
// (max_positions, r) that these index. (Su et al. 2021, arXiv:2104.09864.)
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_rotary_embedding(
    const pytransformers_tensor* query, const pytransformers_tensor* key, const pytransformers_tensor* cos,
    const pytransformers_tensor* sin, const pytransformers_tensor* positions, int32_t interleaved, int32_t inverse,
    const pytransformers_tensor* query_out, const pytransformers_tensor* key_out,
    const pytransformers_parallel* parallel);

typedef enum {
  PYTRANSFORMERS_QUANTIZED_INT8 = 0,          // x stays as it is
  PYTRANSFORMERS_QUANTIZED_INT8_DYNAMIC = 1,  // each row of x is rounded to int8 by its own scale; sums are integers
  PYTRANSFORMERS_QUANTIZED_INT4 = 2,          // codes 0 to 15 stand for -8 to 7
  PYTRANSFORMERS_QUANTIZED_NF4 = 3,           // for the 16 values of Dettmers et al. 2023 (arXiv:2305.14314)
} pytransformers_quantization;

// y = activation(x W^T + bias), where W (n, k) is kept as codes: w = scale * value(code) + offset, with one scale and
// offset for each row of W and each `group_size` columns (the last group may be shorter): a multiple of 8, or 0 for one
// group a row.
// codes: UINT8, dense, tiles of 16 rows of W: int8 (ceil(n / 16), ceil(k' / 4), 16, 4), one byte a code; int4 and nf4
// (ceil(n / 16), ceil(k' / 8), 16, 4), two codes a byte, the low half first; k' is k for one group, else k rounded up to
// whole groups. What lies past n and k is zero in scales and offsets, or code 0. scales, offsets (or NULL): FLOAT32
// (ceil(n / 16), groups, 16). int8_dynamic has one group and no offsets. x: (..., k) of float32, float16 or bfloat16,
// rows at one distance; bias: FLOAT32 (n,) or NULL; y: (..., n) of x's dtype, rows at one distance.
// One layout serves every instruction set.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_quantized_matmul(
    const pytransformers_tensor* x, const pytransformers_tensor* codes, const pytransformers_tensor* scales,
    const pytransformers_tensor* offsets, int32_t quantization, int64_t group_size, const pytransformers_tensor* bias,
    int32_t activation, const pytransformers_tensor* y, const pytransformers_parallel* parallel);

// W itself, as the above reads it: weight (n, k) of float32, float16 or bfloat16, rows at one distance. For gradients.
PYTRANSFORMERS_EXPORT pytransformers_status pytransformers_dequantize(
    const pytransformers_tensor* codes, const pytransformers_tensor* scales, const pytransformers_tensor* offsets,
    int32_t quantization, int64_t group_size, const pytransformers_tensor* weight,
    const pytransformers_parallel* parallel);

#ifdef __cplusplus
}
#endif
