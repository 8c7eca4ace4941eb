// attention as PyTorch operators. Results lie in memory as (batch, length, heads, width), so that the transpositions of a
// model's own layout around them are free.
#include <tuple>

#include "bind/torch/common.h"

namespace {

using namespace pytransformers_torch;

constexpr const char* kOp = "attention";

void check_rank(const char* name, const Tensor& tensor) {
  if (tensor.dim() != 4) {
    refuse(std::string("[") + kOp + "] expected " + name + " of 4 dimensions (batch, heads, length, width), got " +
           std::to_string(tensor.dim()) + ", reshape it");
  }
}

// (batch, heads, length, width) in the dtype of `like`.
Tensor make_heads(const Tensor& like, int64_t batch, int64_t heads, int64_t length, int64_t width) {
  const int64_t sizes[] = {batch, heads, length, width};
  const int64_t row = std::max<int64_t>(width, 1), position = std::max<int64_t>(heads, 1) * row;
  const int64_t strides[] = {std::max<int64_t>(length, 1) * position, row, position, 1};
  int32_t dtype;
  aoti_torch_get_dtype(like.get(), &dtype);
  return make_strided(sizes, strides, 4, dtype);
}

Tensor make_heads_like(const Tensor& like) {
  return make_heads(like, like.size(0), like.size(1), like.size(2), like.size(3));
}

// What the operators take beside query, key and value, seen by the kernel.
class Options {
 public:
  Options(double scale, bool causal, const MaybeTensor& mask, const MaybeTensor& bias, const MaybeTensor& alibi_slopes,
          const MaybeTensor& query_offsets, const MaybeTensor& key_offsets, double soft_cap, int64_t window_left,
          int64_t window_right, double dropout, const MaybeTensor& seed)
      : mask_(kOp, "mask", mask), bias_(kOp, "bias", bias), alibi_slopes_(kOp, "alibi_slopes", alibi_slopes),
        query_offsets_(kOp, "query_offsets", query_offsets), key_offsets_(kOp, "key_offsets", key_offsets) {
    raw_.mask = mask_.get();
    raw_.bias = bias_.get();
    raw_.alibi_slopes = alibi_slopes_.get();
    raw_.query_offsets = query_offsets_.get();
    raw_.key_offsets = key_offsets_.get();
    raw_.scale = scale;
    raw_.soft_cap = soft_cap;
    raw_.window_left = window_left;
    raw_.window_right = window_right;
    raw_.causal = causal;
    raw_.dropout = dropout;
    if (dropout == 0) return;
    const Argument seed_(kOp, "seed", seed);
    if (seed_.get() == nullptr || seed_.get()->dtype != PYTRANSFORMERS_INT64 || seed->numel() != 1) {
      refuse("[attention] expected a seed of one int64 for dropout, got none or another tensor, draw one");
    }
    raw_.dropout_seed = static_cast<uint64_t>(*static_cast<const int64_t*>(seed_.get()->data));
  }

  const pytransformers_attention_options* get() const { return &raw_; }

 private:
  Argument mask_, bias_, alibi_slopes_, query_offsets_, key_offsets_;
  pytransformers_attention_options raw_ = {};
};

#define OPTIONS                                                                                                     \
  double scale, bool causal, const MaybeTensor &mask, const MaybeTensor &bias, const MaybeTensor &alibi_slopes,     \
      const MaybeTensor &query_offsets, const MaybeTensor &key_offsets, double soft_cap, int64_t window_left,       \
      int64_t window_right, double dropout, const MaybeTensor &seed
#define OPTION_VALUES                                                                                               \
  scale, causal, mask, bias, alibi_slopes, query_offsets, key_offsets, soft_cap, window_left, window_right, dropout, \
      seed

Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value, const MaybeTensor& lse, OPTIONS) {
  check_rank("query", query);
  check_rank("value", value);
  Tensor out = make_heads(query, query.size(0), query.size(1), query.size(2), value.size(3));
  const Options options(OPTION_VALUES);
  const Argument query_(kOp, "query", query), key_(kOp, "key", key), value_(kOp, "value", value), out_(kOp, "out", out),
      lse_(kOp, "lse", lse);
  check(pytransformers_attention(query_.get(), key_.get(), value_.get(), options.get(), out_.get(), lse_.get(),
                                 &kParallel));
  return out;
}

Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value, OPTIONS) {
  return forward(query, key, value, std::nullopt, OPTION_VALUES);
}

std::tuple<Tensor, Tensor> attention_with_lse(const Tensor& query, const Tensor& key, const Tensor& value, OPTIONS) {
  check_rank("query", query);
  Tensor lse = make(query.sizes().data(), 3, aoti_torch_dtype_float32());
  return {forward(query, key, value, lse, OPTION_VALUES), lse};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> attention_backward(const Tensor& dout, const Tensor& query, const Tensor& key,
                                                              const Tensor& value, const Tensor& out, const Tensor& lse,
                                                              bool want_bias, OPTIONS) {
  check_rank("query", query);
  check_rank("key", key);
  check_rank("value", value);
  Tensor dquery = make_heads_like(query), dkey = make_heads_like(key), dvalue = make_heads_like(value);
  const int64_t none = 0;
  Tensor dbias = want_bias && bias ? make_like(*bias) : make(&none, 1, aoti_torch_dtype_float32());
  const Options options(OPTION_VALUES);
  const Argument dout_(kOp, "dout", dout), query_(kOp, "query", query), key_(kOp, "key", key),
      value_(kOp, "value", value), out_(kOp, "out", out), lse_(kOp, "lse", lse), dquery_(kOp, "dquery", dquery),
      dkey_(kOp, "dkey", dkey), dvalue_(kOp, "dvalue", dvalue), dbias_(kOp, "dbias", dbias);
  check(pytransformers_attention_backward(dout_.get(), query_.get(), key_.get(), value_.get(), out_.get(), lse_.get(),
                                          options.get(), dquery_.get(), dkey_.get(), dvalue_.get(),
                                          want_bias && bias ? dbias_.get() : nullptr, &kParallel));
  return {dquery, dkey, dvalue, dbias};
}

#define OPTION_SCHEMA                                                                                               \
  "float scale, bool causal=False, Tensor? mask=None, Tensor? bias=None, Tensor? alibi_slopes=None, "               \
  "Tensor? query_offsets=None, Tensor? key_offsets=None, float soft_cap=0, int window_left=-1, "                    \
  "int window_right=-1, float dropout=0, Tensor? seed=None"

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(pytransformers, library) {
  library.def("attention(Tensor query, Tensor key, Tensor value, " OPTION_SCHEMA ") -> Tensor");
  library.def("attention_with_lse(Tensor query, Tensor key, Tensor value, " OPTION_SCHEMA ") -> (Tensor, Tensor)");
  library.def("attention_backward(Tensor dout, Tensor query, Tensor key, Tensor value, Tensor out, Tensor lse, "
              "bool want_bias, " OPTION_SCHEMA ") -> (Tensor, Tensor, Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) {
  library.impl("attention", TORCH_BOX(&attention));
  library.impl("attention_with_lse", TORCH_BOX(&attention_with_lse));
  library.impl("attention_backward", TORCH_BOX(&attention_backward));
}
