#include "cpu/attention_checks.h"

#include <algorithm>
#include <cmath>

#include "core/checks.h"

namespace pytransformers {
namespace {

using Tensor = pytransformers_tensor;

// Positions are 32-bit numbers in the kernels.
constexpr int64_t kMaxLength = int64_t{1} << 30;

#define CHECK(call) if (const pytransformers_status status = (call); status != PYTRANSFORMERS_OK) return status
#define REFUSE(...) return fail(PYTRANSFORMERS_INVALID_ARGUMENT, __VA_ARGS__)

bool is_dense(const Tensor& tensor) {
  int64_t stride = 1;
  for (int i = tensor.rank - 1; tensor.strides != nullptr && i >= 0; stride *= tensor.sizes[i--]) {
    if (tensor.sizes[i] > 1 && tensor.strides[i] != stride) return element_count(tensor) == 0;
  }
  return true;
}

Strided strided(const Tensor& tensor) {
  Strided result = {static_cast<char*>(tensor.data), {}};
  int64_t dense = 1;
  for (int i = 3; i >= 0; dense *= tensor.sizes[i--]) {
    if (tensor.sizes[i] != 1) result.strides[i] = tensor.strides != nullptr ? tensor.strides[i] : dense;
  }
  return result;
}

pytransformers_status check_memory(const char* op, const char* name, const Tensor& tensor) {
  if (tensor.data != nullptr || element_count(tensor) == 0) return PYTRANSFORMERS_OK;
  REFUSE("[%s] expected memory behind %s %s, got a null pointer, pass a tensor that holds its values", op, name,
         shape_text(tensor).c_str());
}

pytransformers_status check_operand(const char* op, const char* name, const Tensor* tensor, const char* shape,
                                    int32_t dtype) {
  if (tensor == nullptr) REFUSE("[%s] expected %s, got NULL, pass the missing tensor", op, name);
  if (tensor->rank != 4) {
    REFUSE("[%s] expected %s of shape %s, got %s, reshape it", op, name, shape,
           tensor->rank >= 0 && tensor->rank <= kMaxRank ? shape_text(*tensor).c_str() : "another rank");
  }
  CHECK(check_rows(op, name, *tensor, nullptr));
  if (tensor->dtype != dtype) {
    REFUSE("[%s] expected %s of query's dtype %s, got %s, cast one of them", op, name, dtype_name(dtype),
           dtype_name(tensor->dtype));
  }
  return PYTRANSFORMERS_OK;
}

// A mask or bias: rank 4, each size 1 or the scores'.
pytransformers_status check_for_scores(const char* op, const char* name, const Tensor& tensor,
                                       const int64_t (&scores)[4], Strided& result) {
  bool fits = tensor.rank == 4;
  for (int i = 0; fits && i < 4; ++i) fits = tensor.sizes[i] == 1 || tensor.sizes[i] == scores[i];
  if (!fits) {
    const Tensor expected = {nullptr, scores, nullptr, 4, PYTRANSFORMERS_BOOL};
    REFUSE("[%s] expected %s of 4 dimensions, each 1 or that of %s, got %s, reshape it", op, name,
           shape_text(expected).c_str(),
           tensor.rank >= 0 && tensor.rank <= kMaxRank ? shape_text(tensor).c_str() : "another rank");
  }
  CHECK(check_memory(op, name, tensor));
  result = strided(tensor);
  return PYTRANSFORMERS_OK;
}

pytransformers_status check_offsets(const char* op, const char* name, const Tensor& offsets, int64_t length) {
  if (offsets.rank != 1 || offsets.sizes[0] < 1 || offsets.dtype != PYTRANSFORMERS_INT32) {
    REFUSE("[%s] expected %s of shape (sequences + 1,) and dtype int32, got %s of %s, pass cumulative lengths", op,
           name, offsets.rank >= 0 && offsets.rank <= kMaxRank ? shape_text(offsets).c_str() : "another rank",
           dtype_name(offsets.dtype));
  }
  if (!is_dense(offsets)) REFUSE("[%s] expected contiguous %s, got strides, pass a contiguous copy", op, name);
  CHECK(check_memory(op, name, offsets));
  const int32_t* values = static_cast<const int32_t*>(offsets.data);
  const int64_t count = offsets.sizes[0];
  bool rising = values[0] == 0 && values[count - 1] == length;
  for (int64_t i = 1; i < count; ++i) rising &= values[i] >= values[i - 1];
  if (!rising) {
    REFUSE("[%s] expected %s rising from 0 to the length %lld, got other numbers, pass cumulative lengths", op, name,
           static_cast<long long>(length));
  }
  return PYTRANSFORMERS_OK;
}

pytransformers_status check_numbers(const char* op, const pytransformers_attention_options& options) {
  if (!std::isfinite(options.scale)) REFUSE("[%s] expected a finite scale, got %g, try d ** -0.5", op, options.scale);
  if (!(std::isfinite(options.soft_cap) && options.soft_cap >= 0.0)) {
    REFUSE("[%s] expected a finite soft_cap of at least 0, got %g, pass 0 for none", op, options.soft_cap);
  }
  if (!(options.dropout >= 0.0 && options.dropout < 1.0)) {
    REFUSE("[%s] expected dropout of at least 0 and below 1, got %g, pass 0 for none", op, options.dropout);
  }
  return PYTRANSFORMERS_OK;
}

}  // namespace

pytransformers_status check_attention_like(const char* op, const char* name, const Tensor* tensor,
                                           const char* like_name, const Tensor& like, Strided& result) {
  CHECK(check_operand(op, name, tensor, shape_text(like).c_str(), like.dtype));
  if (!std::equal(like.sizes, like.sizes + 4, tensor->sizes)) {
    REFUSE("[%s] expected %s of %s's shape %s, got %s, give it that shape", op, name, like_name,
           shape_text(like).c_str(), shape_text(*tensor).c_str());
  }
  result = strided(*tensor);
  return PYTRANSFORMERS_OK;
}

pytransformers_status check_bias_gradient(const char* op, const Tensor& dbias, const Tensor* bias) {
  if (bias == nullptr) REFUSE("[%s] expected dbias only with bias, got no bias, pass NULL for dbias", op);
  if (dbias.rank != 4 || !std::equal(bias->sizes, bias->sizes + 4, dbias.sizes) || dbias.dtype != bias->dtype) {
    REFUSE("[%s] expected dbias of bias's shape %s and dtype %s, got another, give it those", op,
           shape_text(*bias).c_str(), dtype_name(bias->dtype));
  }
  if (!is_dense(dbias)) REFUSE("[%s] expected contiguous dbias, got strides, pass a contiguous tensor", op);
  return check_memory(op, "dbias", dbias);
}

pytransformers_status check_attention(const char* op, const Tensor* query, const Tensor* key, const Tensor* value,
                                      const pytransformers_attention_options* options, const Tensor* out,
                                      const Tensor* lse, AttentionCall& call,
                                      std::vector<AttentionSequence>& sequences) {
  if (options == nullptr) REFUSE("[%s] expected options, got NULL, pass them with a scale", op);
  const int32_t dtype = query != nullptr ? query->dtype : PYTRANSFORMERS_OTHER;
  CHECK(check_operand(op, "query", query, "(batch, heads, q, d)", dtype));
  CHECK(check_operand(op, "key", key, "(batch, kv_heads, k, d)", dtype));
  CHECK(check_operand(op, "value", value, "(batch, kv_heads, k, d_v)", dtype));
  const int64_t batch = query->sizes[0], heads = query->sizes[1], queries = query->sizes[2], keys = key->sizes[2];
  const int64_t key_heads = key->sizes[1];
  if (key->sizes[0] != batch || key->sizes[3] != query->sizes[3]) {
    REFUSE("[%s] expected key (%lld, kv_heads, k, %lld) for query %s, got %s, match batch and head size", op,
           static_cast<long long>(batch), static_cast<long long>(query->sizes[3]), shape_text(*query).c_str(),
           shape_text(*key).c_str());
  }
  if (key_heads == 0 ? heads != 0 : heads % key_heads != 0) {
    REFUSE("[%s] expected heads that kv_heads divides, got %lld and %lld, repeat or drop heads", op,
           static_cast<long long>(heads), static_cast<long long>(key_heads));
  }
  if (!std::equal(value->sizes, value->sizes + 3, key->sizes)) {
    REFUSE("[%s] expected value (%lld, %lld, %lld, d_v) for key %s, got %s, match batch, heads and length", op,
           static_cast<long long>(batch), static_cast<long long>(key_heads), static_cast<long long>(keys),
           shape_text(*key).c_str(), shape_text(*value).c_str());
  }
  if (queries > kMaxLength || keys > kMaxLength) {
    REFUSE("[%s] expected lengths of at most 2^30, got %lld queries and %lld keys, split them", op,
           static_cast<long long>(queries), static_cast<long long>(keys));
  }
  const int64_t out_sizes[4] = {batch, heads, queries, value->sizes[3]};
  Strided out_strided;
  CHECK(check_attention_like(op, "out", out, "query", {nullptr, out_sizes, nullptr, 4, dtype}, out_strided));
  if (lse != nullptr) {
    if (lse->rank != 3 || !std::equal(lse->sizes, lse->sizes + 3, out_sizes) || lse->dtype != PYTRANSFORMERS_FLOAT32 ||
        !is_dense(*lse)) {
      REFUSE("[%s] expected lse contiguous, float32, of shape (%lld, %lld, %lld), got another, give it these", op,
             static_cast<long long>(batch), static_cast<long long>(heads), static_cast<long long>(queries));
    }
    CHECK(check_memory(op, "lse", *lse));
  }
  CHECK(check_numbers(op, *options));

  call = {};
  const int64_t scores[4] = {batch, heads, queries, keys};
  if (const Tensor* mask = options->mask) {
    if (mask->dtype != PYTRANSFORMERS_BOOL) {
      REFUSE("[%s] expected mask of dtype bool, got %s, pass what is to be added as bias", op, dtype_name(mask->dtype));
    }
    CHECK(check_for_scores(op, "mask", *mask, scores, call.mask));
  }
  if (const Tensor* bias = options->bias) {
    if (bias->dtype != dtype && bias->dtype != PYTRANSFORMERS_FLOAT32) {
      REFUSE("[%s] expected bias of dtype %s or float32, got %s, cast it", op, dtype_name(dtype),
             dtype_name(bias->dtype));
    }
    CHECK(check_for_scores(op, "bias", *bias, scores, call.bias));
    call.bias_is_float32 = bias->dtype == PYTRANSFORMERS_FLOAT32;
  }
  if (const Tensor* slopes = options->alibi_slopes) {
    if (slopes->rank != 1 || slopes->sizes[0] != heads || slopes->dtype != PYTRANSFORMERS_FLOAT32) {
      REFUSE("[%s] expected alibi_slopes of shape (%lld,) and dtype float32, got another, pass one for each head", op,
             static_cast<long long>(heads));
    }
    CHECK(check_memory(op, "alibi_slopes", *slopes));
    call.slopes = static_cast<const float*>(slopes->data);
    call.slope_stride = slopes->strides != nullptr && heads > 1 ? slopes->strides[0] : 1;
  }
  if ((options->query_offsets == nullptr) != (options->key_offsets == nullptr)) {
    REFUSE("[%s] expected query_offsets and key_offsets together, got one of them, pass both", op);
  }
  sequences = {{0, queries, 0, keys}};
  if (options->query_offsets != nullptr) {
    const Tensor &q = *options->query_offsets, &k = *options->key_offsets;
    if (batch != 1) {
      REFUSE("[%s] expected batch 1 with query_offsets, got %lld, pack the batch into one row", op,
             static_cast<long long>(batch));
    }
    CHECK(check_offsets(op, "query_offsets", q, queries));
    CHECK(check_offsets(op, "key_offsets", k, keys));
    if (q.sizes[0] != k.sizes[0]) {
      REFUSE("[%s] expected as many query_offsets as key_offsets, got %lld and %lld, give each sequence both", op,
             static_cast<long long>(q.sizes[0]), static_cast<long long>(k.sizes[0]));
    }
    const int32_t *from_q = static_cast<const int32_t*>(q.data), *from_k = static_cast<const int32_t*>(k.data);
    sequences.clear();
    for (int64_t i = 0; i + 1 < q.sizes[0]; ++i) {
      sequences.push_back({from_q[i], from_q[i + 1] - from_q[i], from_k[i], from_k[i + 1] - from_k[i]});
    }
  }

  call.query = strided(*query);
  call.key = strided(*key);
  call.value = strided(*value);
  call.out = out_strided;
  call.lse = lse != nullptr ? static_cast<float*>(lse->data) : nullptr;
  call.sequences = sequences.data();
  call.sequence_count = static_cast<int64_t>(sequences.size());
  call.heads = heads;
  call.key_heads = key_heads;
  call.queries = queries;
  call.features = query->sizes[3];
  call.value_features = value->sizes[3];
  const auto window = [](int64_t size) { return size < 0 || size > kMaxLength ? kMaxLength : size; };
  call.window_left = window(options->window_left);
  call.window_right = options->causal ? 0 : window(options->window_right);
  call.seed = options->dropout_seed;
  call.drop_below = static_cast<uint32_t>(options->dropout * 0x1p32);
  call.kept = static_cast<float>(1.0 / (1.0 - options->dropout));
  call.scale = static_cast<float>(options->scale);
  call.soft_cap = static_cast<float>(options->soft_cap);
  return PYTRANSFORMERS_OK;
}

}  // namespace pytransformers
