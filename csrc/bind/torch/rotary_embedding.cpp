// rotary_embedding as a PyTorch operator.
#include "bind/torch/common.h"

namespace {

using namespace pytransformers_torch;

const char* const kOp = "rotary_embedding";

// Fresh memory for a result, in x's order: (batch, length, heads, d) where a projection was split into heads.
Tensor make_in_order(const Tensor& x) {
  if (x.dim() != 4) {
    refuse("[rotary_embedding] expected query and key (batch, heads, length, d), got another rank, reshape them");
  }
  const int64_t *sizes = x.sizes().data(), heads = sizes[1], length = sizes[2], d = sizes[3];
  const bool heads_inside = x.stride(1) < x.stride(2);
  const int64_t strides[] = {heads * length * d, heads_inside ? d : length * d, heads_inside ? heads * d : d, 1};
  int32_t dtype;
  aoti_torch_get_dtype(x.get(), &dtype);
  AtenTensorHandle handle;
  if (aoti_torch_empty_strided(4, sizes, strides, dtype, aoti_torch_device_type_cpu(), 0, &handle) != 0) {
    refuse("[rotary_embedding] expected memory for the result, got none, free some");
  }
  return Tensor(handle);
}

// Without a key the second result is empty.
std::tuple<Tensor, Tensor> rotary_embedding(const Tensor& query, const MaybeTensor& key, const Tensor& cos,
                                            const Tensor& sin, const MaybeTensor& position_ids, bool interleaved,
                                            bool inverse) {
  const int64_t none = 0;
  Tensor query_out = make_in_order(query);
  Tensor key_out = key ? make_in_order(*key) : make(&none, 1, aoti_torch_dtype_float32());
  const Argument query_(kOp, "query", query), key_(kOp, "key", key), cos_(kOp, "cos", cos), sin_(kOp, "sin", sin),
      positions_(kOp, "positions", position_ids ? MaybeTensor(torch::stable::contiguous(*position_ids)) : std::nullopt),
      query_out_(kOp, "query_out", query_out), key_out_(kOp, "key_out", key_out);
  check(pytransformers_rotary_embedding(query_.get(), key_.get(), cos_.get(), sin_.get(), positions_.get(), interleaved,
                                        inverse, query_out_.get(), key ? key_out_.get() : nullptr, &kParallel));
  return {query_out, key_out};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(pytransformers, library) {
  library.def("rotary_embedding(Tensor query, Tensor? key, Tensor cos, Tensor sin, Tensor? position_ids, "
              "bool interleaved, bool inverse) -> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) {
  library.impl("rotary_embedding", TORCH_BOX(&rotary_embedding));
}
