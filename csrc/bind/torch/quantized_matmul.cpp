// quantized_matmul and dequantize as PyTorch operators.
#include <algorithm>

#include "bind/torch/common.h"

namespace {

using namespace pytransformers_torch;
using torch::headeronly::ScalarType;

Tensor quantized_matmul(const Tensor& x, const Tensor& codes, const Tensor& scales, const MaybeTensor& offsets,
                        const MaybeTensor& bias, int64_t quantization, int64_t group_size, int64_t out_features,
                        int64_t activation) {
  const char* op = "quantized_matmul";
  const int64_t rank = x.dim();
  if (rank < 1 || rank > 64 || out_features < 0) {
    refuse("[quantized_matmul] expected x (..., k) and out_features of at least 0, got others, check the arguments");
  }
  int64_t sizes[64];
  std::copy_n(x.sizes().data(), rank, sizes);
  sizes[rank - 1] = out_features;
  int32_t dtype;
  aoti_torch_get_dtype(x.get(), &dtype);
  Tensor y = make(sizes, rank, dtype);
  const Argument x_(op, "x", rank > 2 ? torch::stable::contiguous(x) : x), codes_(op, "codes", codes),
      scales_(op, "scales", scales), offsets_(op, "offsets", offsets), bias_(op, "bias", bias), y_(op, "y", y);
  check(pytransformers_quantized_matmul(x_.get(), codes_.get(), scales_.get(), offsets_.get(),
                                        static_cast<int32_t>(quantization), group_size, bias_.get(),
                                        static_cast<int32_t>(activation), y_.get(), &kParallel));
  return y;
}

Tensor dequantize(const Tensor& codes, const Tensor& scales, const MaybeTensor& offsets, int64_t quantization,
                  int64_t group_size, int64_t out_features, int64_t in_features, ScalarType dtype) {
  const char* op = "dequantize";
  if (out_features < 0 || in_features < 0) {
    refuse("[dequantize] expected sizes of at least 0, got a negative one, check the arguments");
  }
  const int32_t type = dtype == ScalarType::Half       ? aoti_torch_dtype_float16()
                       : dtype == ScalarType::BFloat16 ? aoti_torch_dtype_bfloat16()
                                                       : aoti_torch_dtype_float32();
  if (dtype != ScalarType::Half && dtype != ScalarType::BFloat16 && dtype != ScalarType::Float) {
    refuse("[dequantize] expected float32, float16 or bfloat16, got another dtype, name one of these");
  }
  const int64_t sizes[] = {out_features, in_features};
  Tensor weight = make(sizes, 2, type);
  const Argument codes_(op, "codes", codes), scales_(op, "scales", scales), offsets_(op, "offsets", offsets),
      weight_(op, "weight", weight);
  check(pytransformers_dequantize(codes_.get(), scales_.get(), offsets_.get(), static_cast<int32_t>(quantization),
                                  group_size, weight_.get(), &kParallel));
  return weight;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(pytransformers, library) {
  library.def("quantized_matmul(Tensor x, Tensor codes, Tensor scales, Tensor? offsets, Tensor? bias, "
              "int quantization, int group_size, int out_features, int activation) -> Tensor");
  library.def("dequantize(Tensor codes, Tensor scales, Tensor? offsets, int quantization, int group_size, "
              "int out_features, int in_features, ScalarType dtype) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(pytransformers, CPU, library) {
  library.impl("quantized_matmul", TORCH_BOX(&quantized_matmul));
  library.impl("dequantize", TORCH_BOX(&dequantize));
}
